-- Links, many at a time. Each statement names its domain.

-- name: select_links_of
-- A row for each, in order; empty where it is not linked.
-- $1 domain, $2 types, $3 keys
select domain_id, type, identity, extra, user_id, display_name, created_at, last_login_at, status
from account.links_of(p_domain_id => $1, p_types => $2, p_identity_keys => $3)
order by place;

-- name: select_links_page
-- All of a domain, in the order of the primary key.
-- $1 domain, $2 type and $3 key, after which; $4 at the most
select domain_id, type, identity, extra, user_id, display_name, created_at, last_login_at, status, identity_key
from account.link
where domain_id = $1 and (type, identity_key) > ($2, $3)
order by type, identity_key
limit $4;

-- name: select_links_of_type_page
-- $1 domain, $2 type, $3 key, after which; $4 at the most
select domain_id, type, identity, extra, user_id, display_name, created_at, last_login_at, status, identity_key
from account.link
where domain_id = $1 and type = $2 and identity_key > $3
order by identity_key
limit $4;

-- name: select_links_of_user_page
-- The oldest first; type and key decide where several were made in one instant.
-- $1 domain, $2 user, $3 type, empty: all; $4 time, $5 type and $6 key, after which; $7 at the most
select domain_id, type, identity, extra, user_id, display_name, created_at, last_login_at, status, identity_key
from account.link
where domain_id = $1 and user_id = $2 and ($3 = '' or type = $3)
    and created_at >= $4 and (created_at, type, identity_key) > ($4, $5, $6)
order by created_at, type, identity_key
limit $7;
