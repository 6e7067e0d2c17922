-- Users. Each statement names its tenant; lookups by id alone go through `credential`.

-- name: insert_user
insert into token.app_user (
    domain_id, user_id, user_name, nick_name, avatar, default_drive_id, role, status, created_at
) values ($1, $2, $3, $4, $5, $6, $7, 'enabled', $8)
on conflict do nothing
returning user_id;

-- name: select_user
select user_id, role, status from token.app_user where domain_id = $1 and user_id = $2;

-- name: set_user_status
select token.set_user_status(
    p_domain_id => $1, p_user_id => $2, p_status => $3, p_actor => $4, p_event_id => $5
);

-- name: check_user_limit
select token.check_user_limit(p_domain_id => $1, p_limit => $2, p_now => $3);
