-- All that there is of a user. Each statement names its tenant; lookups by id alone go through `credential`.

-- name: sign_user_out
select token.sign_user_out(
    p_domain_id => $1, p_user_id => $2, p_session_ids => $3, p_browser_ids => $4, p_actor => $5, p_now => $6,
    p_event_id => $7
);

-- name: end_user_sessions
select token.end_user_sessions(p_domain_id => $1, p_user_id => $2, p_actor => $3, p_now => $4, p_event_id => $5);

-- name: erase_user
select token.erase_user(
    p_domain_id => $1, p_user_id => $2, p_before => $3, p_roles => $4, p_pseudonym => $5, p_actor => $6, p_now => $7,
    p_event_id => $8
);

-- name: select_kept_sessions
-- First the user's, by their index: else a plan may go through the domain's in the order of the answer.
-- $1 domain, $2 user, $3 session after which to go on, $4 how many at the most
with own as materialized (
    select s.* from token.session s where s.domain_id = $1 and s.user_id = $2
)
select s.session_id, s.user_id, s.client_id, s.device_id, s.device_name, s.scopes, s.actor, s.created_at, s.rotated_at,
    s.expires_at, coalesce(a.name, '') as app_name, s.revoked_at
from own s
left join token.app a on a.domain_id = $1 and a.client_id = s.client_id
where s.session_id > $3
order by s.session_id
limit $4;

-- name: select_access_ids
select access_id from token.push_app where domain_id = $1 order by access_id;
