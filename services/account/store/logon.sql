-- Who logs on: codes, the browsers that are logged on, consents. Each statement names its domain.

-- name: begin_logon_code
select account.begin_logon_code(
    p_domain_id => $1, p_code_id => $2, p_type => $3, p_identity_key => $4, p_address => $5, p_mac => $6,
    p_expires_at => $7, p_since => $8, p_recent => $9, p_per_identity => $10, p_per_address => $11, p_per_domain => $12,
    p_browser_id => $13, p_browsers => $14, p_period => $15, p_guesses => $16
);

-- name: try_logon_code
select account.try_logon_code(
    p_domain_id => $1, p_code_id => $2, p_type => $3, p_identity_key => $4, p_mac => $5, p_now => $6, p_max_tries => $7,
    p_browsers => $8, p_period => $9, p_guesses => $10, p_again => $11
);

-- name: delete_logon_code
-- $1 domain, $2 id
delete from account.logon_code where domain_id = $1 and code_id = $2;

-- name: begin_password_try
select account.begin_password_try(
    p_domain_id => $1, p_try_id => $2, p_user_system_id => $3, p_name_key => $4, p_address => $5, p_since => $6,
    p_per_name => $7, p_per_address => $8, p_browser_id => $9, p_browsers => $10, p_period => $11, p_guesses => $12
);

-- name: forget_password_try
select account.forget_password_try(p_domain_id => $1, p_try_id => $2, p_period => $3);

-- name: insert_logon_session
-- $1 domain, $2 id, $3 hash of the secret, $4 user, $5 method, $6 browser, $7 when it was proven, $8 when it expires,
-- $9 user system
insert into account.logon_session (
    domain_id, session_id, secret_hash, user_id, method, browser, proven_at, expires_at, user_system_id
) values ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: select_logon_session
-- $1 domain, $2 id, $3 now
select session_id, secret_hash, user_id, method, browser, proven_at, coalesce(user_system_id, '') as user_system_id
from account.logon_session
where domain_id = $1 and session_id = $2 and ended_at is null and expires_at > $3;

-- name: select_logon_sessions
-- The newest first. $1 domain, $2 user, $3 now
select session_id, secret_hash, user_id, method, browser, proven_at, coalesce(user_system_id, '') as user_system_id
from account.logon_session
where domain_id = $1 and user_id = $2 and ended_at is null and expires_at > $3
order by session_id desc limit 100;

-- name: end_logon_session
-- $1 domain, $2 user, $3 id, $4 now
update account.logon_session set ended_at = $4
where domain_id = $1 and user_id = $2 and session_id = $3 and ended_at is null;

-- name: end_logon_sessions
-- $1 domain, $2 user, $3 now, $4 method; null: any, $5 one that goes on
update account.logon_session set ended_at = $3
where domain_id = $1 and user_id = $2 and ended_at is null and ($4::text is null or method = $4)
    and session_id is distinct from $5::uuid
returning session_id;

-- name: select_ended_logon_sessions
-- $1 domain, $2 user
select session_id from account.logon_session
where domain_id = $1 and user_id = $2 and ended_at is not null
order by session_id desc limit 1000;

-- name: delete_logon_sessions
-- By their index, also where the plan was made when there were none. $1 domains and $2 their users, one beside the other
delete from account.logon_session s
where s.domain_id = any ($1::text[]) and s.user_id = any ($2::text[]) and (s.domain_id, s.user_id) in (
    select gone.domain_id, gone.user_id from unnest($1::text[], $2::text[]) gone (domain_id, user_id)
);

-- name: select_consent
-- $1 domain, $2 user, $3 app
select scopes from account.consent where domain_id = $1 and user_id = $2 and client_id = $3;

-- name: select_consents
-- $1 domain, $2 user
select client_id, scopes, given_at from account.consent where domain_id = $1 and user_id = $2 order by client_id;

-- name: upsert_consent
-- What was let before stays. $1 domain, $2 user, $3 app, $4 scopes, $5 now
insert into account.consent (domain_id, user_id, client_id, scopes, given_at) values ($1, $2, $3, $4, $5)
on conflict (domain_id, user_id, client_id) do update set
    scopes = array(select distinct unnest(consent.scopes || excluded.scopes) order by 1),
    given_at = excluded.given_at;

-- name: delete_consents
-- As delete_logon_sessions. $1 domains and $2 their users, one beside the other
delete from account.consent c
where c.domain_id = any ($1::text[]) and c.user_id = any ($2::text[]) and (c.domain_id, c.user_id) in (
    select gone.domain_id, gone.user_id from unnest($1::text[], $2::text[]) gone (domain_id, user_id)
);
