-- Apps and the keys that verify their assertions. Each statement names its tenant; lookups by id alone go through `credential`.

-- name: insert_app
insert into token.app (
    domain_id, client_id, name, type, admitted, redirect_uris, scopes, permissions, push_access_ids, secret_hashes,
    created_at
) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: select_app
select
    domain_id, client_id, type, admitted, redirect_uris, scopes, permissions, push_access_ids, secret_hashes, grace,
    grace_repeats, repeat_until_used, session_idle, session_lifetime, token_type, sessions_revoked_at
from token.app
where domain_id = $1 and client_id = $2;

-- name: update_app_admitted
update token.app set admitted = true where domain_id = $1 and client_id = $2 returning client_id;

-- name: insert_trusted_key
insert into token.trusted_key (domain_id, client_id, key_id, algorithm, public_key, created_at)
values ($1, $2, $3, $4, $5, $6);

-- name: select_trusted_keys
select key_id, algorithm, public_key from token.trusted_key
where domain_id = $1 and client_id = $2 and enabled
order by created_at desc, key_id;

-- name: check_app_limit
select token.check_app_limit(p_domain_id => $1, p_limit => $2);
