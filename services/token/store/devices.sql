-- What devices without a browser ask for. Each statement names its tenant.

-- name: create_device_authorization
select token.create_device_authorization(
    p_domain_id => $1, p_authorization_id => $2, p_device_code_hash => $3, p_user_code_hash => $4, p_client_id => $5,
    p_scopes => $6, p_device_id => $7, p_device_name => $8, p_now => $9, p_expires_at => $10, p_event_id => $11
);

-- name: find_device_authorization
select
    f.verdict, (f.asked).domain_id, (f.asked).authorization_id, (f.asked).client_id, (f.asked).scopes,
    (f.asked).device_name, (f.asked).expires_at
from token.find_device_authorization(p_domain_id => $1, p_user_code_hash => $2, p_guesses => $3, p_now => $4) f;

-- name: decide_device_authorization
select token.decide_device_authorization(
    p_domain_id => $1, p_authorization_id => $2, p_decision => $3, p_user_id => $4, p_scopes => $5,
    p_authenticated_at => $6, p_proof_method => $7, p_proof_identity => $8, p_now => $9, p_event_id => $10
);

-- name: redeem_device_code
select (r.opened).*, r.authenticated_at from token.redeem_device_code(
    p_domain_id => $1, p_client_id => $2, p_session_id => $3, p_secret_hash => $4, p_now => $5, p_expires_at => $6,
    p_absolute_at => $7, p_event_id => $8, p_authorization_id => $9, p_device_code_hash => $10
) r;
