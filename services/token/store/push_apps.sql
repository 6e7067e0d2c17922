-- Push apps. Each statement names its tenant; lookups by id alone go through `credential`.

-- name: select_next_push_access_id
select nextval('token.push_access_id');

-- name: insert_push_app
insert into token.push_app (domain_id, access_id, name, secret, tokens_per_account, append_enabled, created_at)
values ($1, $2, $3, $4, $5, $6, $7);

-- name: select_push_app
select domain_id, access_id, secret, tokens_per_account, append_enabled from token.push_app
where domain_id = $1 and access_id = $2 and enabled;

-- name: lock_push_app
select access_id from token.push_app where domain_id = $1 and access_id = $2 for no key update;

-- name: select_push_app_record
select access_id, name, tokens_per_account, append_enabled, enabled, created_at, updated_at, version
from token.push_app
where domain_id = $1 and access_id = $2;

-- name: select_push_app_records
select access_id, name, tokens_per_account, append_enabled, enabled, created_at, updated_at, version
from token.push_app
where domain_id = $1 and access_id > $2
order by access_id
limit $3;

-- name: update_push_app
update token.push_app set
    name = $4, tokens_per_account = $5, append_enabled = $6, enabled = $7, version = version + 1, updated_at = $8
where domain_id = $1 and access_id = $2 and version = $3
returning updated_at, version;

-- name: update_push_app_secret
update token.push_app set secret = $3, version = version + 1, updated_at = $4
where domain_id = $1 and access_id = $2
returning access_id::text;

-- name: delete_push_app
delete from token.push_app where domain_id = $1 and access_id = $2;
