-- Tokens that somebody presents to have them looked at or revoked. Each statement names its tenant.

-- name: select_access_token_state
-- What became of all that an access token depends on, in one look: $4 are its users, $8 its clients. A session's columns
-- are null where it has none.
select
    exists (
        select from token.revocation r
        where r.domain_id = $1 and r.subject = any (array[$2, $3] || $4 || $8) and (
            r.kind = 'token' and r.subject = $2
            or r.kind = 'key' and r.subject = $3
            or r.kind = 'user' and r.subject = any ($4) and r.revoked_at >= $7
            or r.kind = 'app' and r.subject = any ($8) and r.revoked_at >= $7
        )
    ) as is_revoked,
    coalesce(a.admitted, k.enabled, false) as is_client_admitted,
    s.revoked_at is not null or s.created_at <= o.sessions_revoked_at as is_session_over,
    s.expires_at as session_expires_at,
    s.session_id, s.generation, s.user_id, s.scopes, s.role_cap, s.actor, s.device_id, s.device_name,
    s.user_name, s.nick_name, s.avatar, s.default_drive_id, s.user_role, s.user_status
from (values (true)) as one
left join token.app a on a.domain_id = $1 and a.client_id = $5
left join token.access_key k on k.domain_id = $1 and k.access_key_id = $5
left join token.session s on s.domain_id = $1 and s.session_id = $6
left join token.app o on o.domain_id = s.domain_id and o.client_id = s.client_id;

-- name: select_refresh_token_state
-- The session that a refresh token may go on with now.
select s.session_id, s.user_id, s.scopes, s.actor, s.user_name, s.rotated_at, s.expires_at
from token.session s
left join token.app a on a.domain_id = s.domain_id and a.client_id = s.client_id
where s.domain_id = $1 and s.session_id = $2 and s.client_id = $3 and s.secret_hash = $4 and s.generation = $5
    and s.revoked_at is null and s.expires_at > $6 and s.user_status = 'enabled'
    and (a.sessions_revoked_at is null or s.created_at > a.sessions_revoked_at);

-- name: select_user_info
-- An enabled user, for one of its sessions that is not over.
select u.user_name, u.nick_name, u.avatar, coalesce(u.updated_at, u.created_at) as updated_at
from token.app_user u
join token.session s on s.domain_id = u.domain_id and s.user_id = u.user_id
left join token.app a on a.domain_id = s.domain_id and a.client_id = s.client_id
where u.domain_id = $1 and u.user_id = $2 and u.status = 'enabled' and s.session_id = $3 and s.revoked_at is null
    and (a.sessions_revoked_at is null or s.created_at > a.sessions_revoked_at);

-- name: end_session
select token.end_session(
    p_domain_id => $1, p_session_id => $2, p_client_id => $3, p_secret_hash => $4, p_now => $5, p_event_id => $6
);

-- name: revoke_access_token
select token.revoke_access_token(
    p_domain_id => $1, p_client_id => $2, p_token_id => $3, p_session_id => $4, p_user_id => $5, p_now => $6,
    p_event_id => $7
);
