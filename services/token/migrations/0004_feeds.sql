-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- When an id was made: the milliseconds that a UUIDv7 begins with.
create function token.uuid7_time(p_id uuid) returns timestamptz
language sql immutable strict parallel safe as $$
    select to_timestamp(('x' || left(replace(p_id::text, '-', ''), 12))::bit(48)::bigint / 1000.0)
$$;

-- As before; both feeds tell of it. A disabled user's tokens end: those issued until now, and those whose session was
-- found good before and which are signed, and stamped, only now.
create or replace function token.set_user_status(
    p_domain_id text,
    p_user_id text,
    p_status text,
    p_actor text,
    p_event_id uuid
) returns boolean
language plpgsql as $$
begin
    update token.app_user u set status = p_status where u.domain_id = p_domain_id and u.user_id = p_user_id;
    if not found then
        return false;
    end if;
    -- A new statement sees the sessions that were started while the user's row was waited for.
    update token.session s set user_status = p_status where s.domain_id = p_domain_id and s.user_id = p_user_id;
    if p_status = 'disabled' then
        insert into token.revocation (domain_id, event_id, kind, subject, revoked_at)
        values (
            p_domain_id, p_event_id, 'user', p_user_id, token.uuid7_time(p_event_id) + interval '2 seconds'
        );
    end if;
    insert into token.user_event (domain_id, event_id, user_id, kind)
    values (p_domain_id, p_event_id, p_user_id, 'updated');
    insert into token.audit (domain_id, event_id, event, user_id, actor, detail)
    values (p_domain_id, p_event_id, 'user.status_set', p_user_id, p_actor, p_status);
    return true;
end
$$;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
