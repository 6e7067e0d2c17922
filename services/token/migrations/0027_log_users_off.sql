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

-- Takes the place of revoke_user_sessions, with its verdicts and its count, which the previous version and
-- end_user_sessions call: also what was let on devices, codes, and browsers.
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
declare
    held text;
begin
    -- Not locked: codes are, before the user's row.
    select u.role into held from token.app_user u where u.domain_id = p_domain_id and u.user_id = p_user_id;
    verdict := case when not found then 'no_user' when held <> all (p_roles) then 'role' end;
    if verdict is not null then
        return;
    end if;
    with own as materialized (
        select s.* from token.session s where s.domain_id = p_domain_id and s.user_id = p_user_id
    )
    select count(*) into revoked from own where own.revoked_at is null and own.expires_at > p_now;
    verdict := token.end_user_sessions(p_domain_id, p_user_id, p_actor, p_now, p_event_id);
    update token.app_user u set logged_off_at = greatest(u.logged_off_at, p_now)
    where u.domain_id = p_domain_id and u.user_id = p_user_id;
end
$$;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
