-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- Whoever was proven until then, in any browser, is to be proven anew: no code is made for it, and no device let in.
-- Absent: nobody is. Of its own beside sessions_revoked_at, which a user sets, too, who signs out everywhere else.
alter table token.app_user add column logged_off_at timestamptz;

-- Who is disabled is logged off for good, whichever release's process does it.
create function token.log_off_disabled() returns trigger
language plpgsql as $$
begin
    new.logged_off_at := greatest(old.logged_off_at, new.updated_at);
    return new;
end
$$;

create trigger app_user_disabled before update of status on token.app_user
for each row when (old.status = 'enabled' and new.status = 'disabled')
execute function token.log_off_disabled();

-- As revoke_user_sessions, which the previous version and end_user_sessions call; browsers are logged off, too.
create function token.log_user_off(
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
begin
    select r.verdict, r.revoked into verdict, revoked
    from token.revoke_user_sessions(p_domain_id, p_user_id, p_roles, p_actor, p_now, p_event_id) r;
    if verdict = 'revoked' then
        update token.app_user u set logged_off_at = greatest(u.logged_off_at, p_now)
        where u.domain_id = p_domain_id and u.user_id = p_user_id;
    end if;
end
$$;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
