-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- Sessions in which the user acts for others, and which began until then, are over.
alter table token.app_user add column sessions_revoked_at timestamptz;

-- Ends all sessions of a user, with one revocation of all its access tokens. Verdicts: `no_user`; `role`; `revoked`,
-- with how many were still going on. Locks as lock_user says; the row, so that what is being started is among them.
-- Sessions in which the user acts for others, which no index has together, end where they would be refreshed.
create function token.revoke_user_sessions(
    p_domain_id text,
    p_user_id text,
    p_roles text[],
    p_actor text,
    p_now timestamptz,
    p_event_id uuid,
    out verdict text,
    out revoked int
)
language plpgsql as $$
declare
    held text;
begin
    select u.role into held from token.app_user u
    where u.domain_id = p_domain_id and u.user_id = p_user_id
    for update;
    if not found then
        verdict := 'no_user';
        return;
    elsif held <> all (p_roles) then
        verdict := 'role';
        return;
    end if;
    verdict := 'revoked';
    update token.app_user u set sessions_revoked_at = greatest(u.sessions_revoked_at, p_now)
    where u.domain_id = p_domain_id and u.user_id = p_user_id;
    perform from token.session s where s.domain_id = p_domain_id and s.user_id = p_user_id and s.revoked_at is null
    order by s.session_id
    for update;
    with ended as (
        update token.session s set revoked_at = p_now
        where s.domain_id = p_domain_id and s.user_id = p_user_id and s.revoked_at is null
        returning s.expires_at > p_now as live
    )
    select count(*) filter (where e.live) into revoked from ended e;
    insert into token.revocation (domain_id, event_id, kind, subject, revoked_at)
    values (p_domain_id, p_event_id, 'user', p_user_id, p_now + interval '2 seconds');
    insert into token.audit (domain_id, event_id, event, user_id, actor, detail)
    values (p_domain_id, p_event_id, 'session.all_of_user_revoked', p_user_id, p_actor, revoked::text);
end
$$;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
