-- Users. Each statement names its tenant; lookups by id alone go through `credential`.

-- name: insert_user
insert into token.app_user (
    domain_id, user_id, user_name, nick_name, avatar, default_drive_id, role, status, created_at
) values ($1, $2, $3, $4, $5, $6, $7, 'enabled', $8)
on conflict do nothing
returning user_id;

-- name: select_user
-- `acts_since`: since it is there, or since all its sessions were ended; greatest() passes over what is null.
select user_id, role, status, greatest(created_at, sessions_revoked_at) as acts_since, logged_off_at
from token.app_user where domain_id = $1 and user_id = $2;

-- name: create_user
select c.verdict, (c.person).*, token.user_etag(c.person) as etag from token.create_user(
    p_domain_id => $1, p_user_id => $2, p_user_name => $3, p_nick_name => $4, p_avatar => $5, p_role => $6,
    p_status => $7, p_description => $8, p_default_drive_id => $9, p_user_data => $10, p_actor => $11, p_now => $12,
    p_event_id => $13
) c;

-- name: create_user_for_logon
select token.create_user_for_logon(
    p_domain_id => $1, p_user_id => $2, p_user_name => $3, p_nick_name => $4, p_avatar => $5, p_client_id => $6,
    p_proof_method => $7, p_proof_identity => $8, p_actor => $9, p_now => $10, p_event_id => $11
);

-- name: select_profile
select u.*, token.user_etag(u) as etag from token.app_user u where u.domain_id = $1 and u.user_id = $2;

-- name: update_user
select c.verdict, (c.person).*, token.user_etag(c.person) as etag from token.update_user(
    p_domain_id => $1, p_user_id => $2, p_etag => $3, p_roles => $4, p_user_name => $5, p_nick_name => $6,
    p_avatar => $7, p_role => $8, p_status => $9, p_description => $10, p_default_drive_id => $11,
    p_user_data => $12, p_actor => $13, p_now => $14, p_event_id => $15
) c;

-- name: delete_user
select token.delete_user(
    p_domain_id => $1, p_user_id => $2, p_etag => $3, p_roles => $4, p_pseudonym => $5, p_actor => $6, p_now => $7,
    p_event_id => $8
);

-- name: select_profiles
-- Those after an id, in the order of the primary key.
select u.*, token.user_etag(u) as etag from token.app_user u
where u.domain_id = $1 and u.user_id > $2
order by u.user_id
limit $3;

-- name: check_user_limit
select token.check_user_limit(p_domain_id => $1, p_limit => $2, p_now => $3);

-- name: select_unknown_users
-- Each id is looked for by its key: joined, a plan that was made for a few users would read all of them.
-- $1 domain, $2 ids
select w.user_id
from unnest($2::text[]) w (user_id)
left join lateral (
    select true as there from token.app_user u where u.domain_id = $1 and u.user_id = w.user_id offset 0
) found on true
where found.there is null;
