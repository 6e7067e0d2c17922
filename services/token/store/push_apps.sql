-- Push apps. Each statement names its tenant; lookups by id alone go through `credential`.

-- name: select_next_push_access_id
select nextval('token.push_access_id');

-- name: insert_push_app
insert into token.push_app (domain_id, access_id, name, secret, tokens_per_account, append_enabled, created_at)
values ($1, $2, $3, $4, $5, $6, $7);

-- name: select_push_app
select domain_id, access_id, secret, tokens_per_account, append_enabled from token.push_app
where domain_id = $1 and access_id = $2 and enabled;
