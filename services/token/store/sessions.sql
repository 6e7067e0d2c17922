-- Sessions, and what is used up to start one: codes, assertions. Each statement names its tenant; lookups by id alone go through `credential`.

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
select (r.opened).*, r.nonce, r.authenticated_at from token.redeem_code_of_logon(
    p_domain_id => $1, p_client_id => $2, p_session_id => $3, p_secret_hash => $4, p_now => $5, p_expires_at => $6,
    p_absolute_at => $7, p_event_id => $8, p_code_id => $9, p_code_hash => $10, p_redirect_uri => $11,
    p_code_challenge => $12
) r;

-- name: rotate_sessions
select * from token.rotate_sessions(
    p_wait => $1, p_domain_ids => $2, p_session_ids => $3, p_client_ids => $4, p_secret_hashes => $5, p_generations => $6,
    p_scopes => $7, p_nows => $8, p_graces_from => $9, p_graces_repeats => $10, p_idles_until => $11,
    p_event_ids => $12
);

-- name: insert_authorization_code
-- The second part is VALUES alone: a change that feeds an INSERT is dear on Citus.
with code as (
    insert into token.authorization_code (
        domain_id, code_id, code_hash, client_id, redirect_uri, user_id, scopes, code_challenge, nonce, device_id,
        device_name, expires_at, authenticated_at, browser_id
    ) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $17)
)
insert into token.audit (domain_id, event_id, event, client_id, user_id, proof_method, proof_identity)
values ($1, $14, 'authorization_code.created', $4, $6, $15, $16);

-- name: insert_used_assertion
insert into token.used_assertion (domain_id, client_id, assertion_id, expires_at) values ($1, $2, $3, $4)
on conflict do nothing
returning client_id;
