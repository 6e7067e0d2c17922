-- Apps and the keys that verify their assertions. Each statement names its tenant; lookups by id alone go through `credential`.

-- name: insert_app
insert into token.app (
    domain_id, client_id, name, type, admitted, redirect_uris, scopes, permissions, push_access_ids, secret_hashes,
    created_at, description, logo, skip_consent, device_flow
) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15);

-- name: select_app
select
    domain_id, client_id, type, admitted, redirect_uris, scopes, permissions, push_access_ids, secret_hashes, grace,
    grace_repeats, repeat_until_used, session_idle, session_lifetime, token_type, sessions_revoked_at, name,
    description, logo, skip_consent, device_flow
from token.app
where domain_id = $1 and client_id = $2;

-- name: update_app_admitted
-- One that is so already stays as it is, and is found all the same.
with changed as (
    update token.app set admitted = $3, version = version + 1, updated_at = $4
    where domain_id = $1 and client_id = $2 and admitted <> $3
    returning client_id
)
select exists (select from changed) from token.app where domain_id = $1 and client_id = $2;

-- name: lock_app
select client_id from token.app where domain_id = $1 and client_id = $2 for no key update;

-- name: select_app_record
select
    domain_id, client_id, type, admitted, redirect_uris, scopes, permissions, push_access_ids, secret_hashes, grace,
    grace_repeats, repeat_until_used, session_idle, session_lifetime, token_type, sessions_revoked_at, name,
    description, logo, skip_consent, device_flow, created_at, updated_at, version
from token.app
where domain_id = $1 and client_id = $2;

-- name: select_app_records
select
    domain_id, client_id, type, admitted, redirect_uris, scopes, permissions, push_access_ids, secret_hashes, grace,
    grace_repeats, repeat_until_used, session_idle, session_lifetime, token_type, sessions_revoked_at, name,
    description, logo, skip_consent, device_flow, created_at, updated_at, version
from token.app
where domain_id = $1 and client_id > $2 and ($3::text is null or type = $3)
    and ($4::boolean is null or admitted = $4)
order by client_id
limit $5;

-- name: update_app
update token.app set
    name = $4, description = $5, logo = $6, redirect_uris = $7, scopes = $8, permissions = $9, push_access_ids = $10,
    grace = $11, grace_repeats = $12, repeat_until_used = $13, session_idle = $14, session_lifetime = $15,
    token_type = $16, version = version + 1, updated_at = $17, skip_consent = $18, device_flow = $19
where domain_id = $1 and client_id = $2 and version = $3
returning updated_at, version;

-- name: update_app_secrets
update token.app set secret_hashes = $4, version = version + 1, updated_at = $5
where domain_id = $1 and client_id = $2 and version = $3;

-- name: delete_app
with keys as (
    delete from token.trusted_key where domain_id = $1 and client_id = $2
)
delete from token.app where domain_id = $1 and client_id = $2;

-- name: insert_trusted_key
insert into token.trusted_key (domain_id, client_id, key_id, algorithm, public_key, created_at)
values ($1, $2, $3, $4, $5, $6);

-- name: select_trusted_keys
select key_id, algorithm, public_key from token.trusted_key
where domain_id = $1 and client_id = $2 and enabled
order by created_at desc, key_id;

-- name: select_trusted_key_records
select key_id, algorithm, public_key, enabled, created_at from token.trusted_key
where domain_id = $1 and client_id = $2 and key_id > $3
order by key_id
limit $4;

-- name: update_trusted_key
update token.trusted_key set enabled = $4 where domain_id = $1 and client_id = $2 and key_id = $3
returning key_id, algorithm, public_key, enabled, created_at;

-- name: delete_trusted_key
delete from token.trusted_key where domain_id = $1 and client_id = $2 and key_id = $3 returning key_id;

-- name: check_app_limit
select token.check_app_limit(p_domain_id => $1, p_limit => $2);
