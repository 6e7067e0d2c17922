-- Every statement of the token service. Each names its tenant; what must hold together is one function of
-- migrations/0002_functions.sql. Lookups by id alone go through `credential`.

-- name: lock_domains
-- Lets one bootstrap at a time find out whether it is the first.
lock table token.domain in exclusive mode;

-- name: select_any_domain
select domain_id from token.domain limit 1;

-- name: insert_domain
insert into token.domain (domain_id, issuer, scopes, created_at) values ($1, $2, $3, $4);

-- name: select_domain
select domain_id, issuer, scopes, impersonate_superadmins from token.domain where domain_id = $1;

-- name: insert_credential
insert into token.credential (id, domain_id, kind) values ($1, $2, $3);

-- name: select_credential
select domain_id, kind from token.credential where id = $1;

-- name: insert_app
insert into token.app (
    domain_id, client_id, name, type, admitted, redirect_uris, scopes, permissions, push_access_ids, secret_hashes,
    created_at
) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- name: select_app
select
    domain_id, client_id, type, admitted, redirect_uris, scopes, permissions, push_access_ids, secret_hashes, grace,
    grace_repeats
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

-- name: insert_access_key
insert into token.access_key (domain_id, access_key_id, secret, permissions, created_at) values ($1, $2, $3, $4, $5);

-- name: select_next_push_access_id
select nextval('token.push_access_id');

-- name: insert_push_app
insert into token.push_app (domain_id, access_id, name, secret, tokens_per_account, append_enabled, created_at)
values ($1, $2, $3, $4, $5, $6, $7);

-- name: select_push_app
select domain_id, access_id, secret, tokens_per_account, append_enabled from token.push_app
where domain_id = $1 and access_id = $2 and enabled;

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

-- name: start_session
select * from token.start_session(
    p_domain_id => $1, p_client_id => $2, p_user_id => $3, p_scopes => $4, p_session_id => $5, p_secret_hash => $6,
    p_now => $7, p_expires_at => $8, p_absolute_at => $9, p_event_id => $10, p_event => $11, p_role_cap => $12,
    p_actor => $13, p_superadmins => $14, p_proof_method => $15, p_proof_identity => $16,
    p_device_id => '', p_device_name => ''
);

-- name: start_session_by_assertion
select * from token.start_session_by_assertion(
    p_domain_id => $1, p_client_id => $2, p_user_id => $3, p_scopes => $4, p_session_id => $5, p_secret_hash => $6,
    p_now => $7, p_expires_at => $8, p_absolute_at => $9, p_event_id => $10, p_assertion_id => $11,
    p_assertion_expires_at => $12, p_auto_create => $13, p_superadmins => $14
);

-- name: redeem_code
select * from token.redeem_code(
    p_domain_id => $1, p_client_id => $2, p_session_id => $3, p_secret_hash => $4, p_now => $5, p_expires_at => $6,
    p_absolute_at => $7, p_event_id => $8, p_code_id => $9, p_code_hash => $10, p_redirect_uri => $11,
    p_code_challenge => $12
);

-- name: rotate_session
select * from token.rotate_session(
    p_domain_id => $1, p_client_id => $2, p_session_id => $3, p_secret_hash => $4, p_generation => $5, p_scopes => $6,
    p_now => $7, p_grace_from => $8, p_grace_repeats => $9, p_idle_until => $10, p_event_id => $11
);

-- name: insert_authorization_code
-- The second part is VALUES alone: a change that feeds an INSERT is dear on Citus.
with code as (
    insert into token.authorization_code (
        domain_id, code_id, code_hash, client_id, redirect_uri, user_id, scopes, code_challenge, nonce, device_id,
        device_name, expires_at
    ) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
)
insert into token.audit (domain_id, event_id, event, client_id, user_id, proof_method, proof_identity)
values ($1, $13, 'authorization_code.created', $4, $6, $14, $15);

-- name: insert_used_assertion
insert into token.used_assertion (domain_id, client_id, assertion_id, expires_at) values ($1, $2, $3, $4)
on conflict do nothing
returning client_id;

-- name: insert_signing_key
insert into token.signing_key (
    domain_id, key_id, use, algorithm, state, public_key, private_key, created_at
) values ($1, $2, $3, $4, 'active', $5, $6, $7);

-- name: select_signing_keys
-- Of all domains: verifying a token begins with its key's id.
select k.domain_id, d.issuer, k.key_id, k.use, k.algorithm, k.state, k.public_key, k.private_key
from token.signing_key k
join token.domain d using (domain_id)
where k.state <> 'retired'
order by k.created_at desc, k.key_id;

-- name: select_signing_key_version
select coalesce(sum(version), 0)::bigint from token.signing_key;

-- name: insert_audit
insert into token.audit (domain_id, event_id, event, client_id, user_id, actor, detail)
values ($1, $2, $3, $4, $5, $6, $7);
