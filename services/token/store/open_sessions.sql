-- Sessions as an operator sees them. Each statement names its tenant; lookups by id alone go through `credential`.

-- name: select_sessions_of_user
-- First the user's, by their index: else a plan may go through the domain's in the order of the answer.
with own as materialized (
    select s.* from token.session s where s.domain_id = $1 and s.user_id = $2
)
select s.session_id, s.user_id, s.client_id, s.device_id, s.device_name, s.scopes, s.actor, s.created_at, s.rotated_at,
    s.expires_at, coalesce(a.name, '') as app_name
from own s
left join token.app a on a.domain_id = $1 and a.client_id = s.client_id
where ($3::text is null or s.client_id = $3) and s.session_id < $4 and s.revoked_at is null and s.expires_at > $5
    and (a.sessions_revoked_at is null or a.sessions_revoked_at < s.created_at)
order by s.session_id desc
limit $6;

-- name: select_sessions_of_app
-- No index has an app's sessions together: the domain's are read from the newest on, so many at the most. The last row
-- has no session; its `reached` is the oldest that was looked at, null where there are no more.
with looked_at as materialized (
    select s.* from token.session s
    where s.domain_id = $1 and s.session_id < $3
    order by s.session_id desc
    limit $6
), found as (
    select l.* from looked_at l
    where l.client_id = $2 and l.revoked_at is null and l.expires_at > $4
        and not exists (
            select from token.app a
            where a.domain_id = $1 and a.client_id = $2 and a.sessions_revoked_at >= l.created_at
        )
    order by l.session_id desc
    limit $5
)
select f.session_id, f.user_id, f.client_id, f.device_id, f.device_name, f.scopes, f.actor, f.created_at, f.rotated_at,
    f.expires_at, coalesce(a.name, '') as app_name, null::uuid as reached
from found f
left join token.app a on a.domain_id = $1 and a.client_id = $2
union all
select null, null, null, null, null, null, null, null, null, null, null, (
    select l.session_id from looked_at l order by l.session_id limit 1
) where (select count(*) from looked_at) = $6
order by session_id desc nulls last;

-- name: revoke_session
select token.revoke_session(
    p_domain_id => $1, p_session_id => $2, p_roles => $3, p_actor => $4, p_now => $5, p_event_id => $6
);

-- name: revoke_user_sessions
select * from token.log_user_off(
    p_domain_id => $1, p_user_id => $2, p_roles => $3, p_actor => $4, p_now => $5, p_event_id => $6
);

-- name: revoke_app_sessions
select token.revoke_app_sessions(p_domain_id => $1, p_client_id => $2, p_actor => $3, p_now => $4, p_event_id => $5);
