-- Links of identities to users. Each statement names its domain.

-- name: link_identity
select account.link_identity(
    p_domain_id => $1, p_type => $2, p_identity_key => $3, p_identity => $4, p_extra => $5, p_user_id => $6, p_now => $7,
    p_event_id => $8, p_actor => $9, p_create_access_key => $10
);

-- name: unlink_identity
select account.unlink_identity(
    p_domain_id => $1, p_type => $2, p_identity_key => $3, p_user_id => $4, p_now => $5, p_pending_since => $6,
    p_event_id => $7, p_actor => $8, p_keep_last => $9
);

-- name: update_link_name
-- $1 domain, $2 type, $3 key, $4 name
update account.link set display_name = $4
where domain_id = $1 and type = $2 and identity_key = $3 and display_name <> $4;

-- name: select_link
-- By the primary key, also by a plan that was made while the table was empty and every index as good: no other one has
-- rows in this order.
-- $1 domain, $2 type, $3 key
select domain_id, type, identity, extra, user_id, display_name, created_at, last_login_at, status
from account.link
where domain_id = $1 and type = $2 and identity_key between $3 and $3
order by identity_key;

-- name: select_links_of_user
-- The oldest first; type and key decide where several were made in one instant.
-- $1 domain, $2 user
select domain_id, type, identity, extra, user_id, display_name, created_at, last_login_at, status
from account.link
where domain_id = $1 and user_id = $2
order by created_at, type, identity_key;
