-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- Deletes some of a domain's audit rows that are older than it keeps them, the oldest first. `p_after` is where the last
-- call ended; the answer is where this one did, null where nothing is left to do, or another process is at it: one at a
-- time holds the lock, for as long as a call takes.
create function token.sweep_audit(
    p_domain_id text,
    p_after uuid,
    p_before uuid,
    p_rows bigint
) returns uuid
language plpgsql as $$
declare
    last uuid;
begin
    if not pg_try_advisory_xact_lock(hashtextextended('token.sweep_audit', 0)) then
        return null;
    end if;
    select a.event_id into last
    from (
        select event_id from token.audit
        where domain_id = p_domain_id and event_id > p_after and event_id < p_before
        order by event_id
        limit p_rows
    ) a
    order by a.event_id desc
    limit 1;
    delete from token.audit a where a.domain_id = p_domain_id and a.event_id > p_after and a.event_id <= last;
    return last;
end
$$;

-- How many users a domain has that limits them; other domains have no row. Its lock lets one user at a time be made.
create table token.user_count (
    domain_id text not null primary key,
    users bigint not null,
    -- When they were last counted one by one.
    counted_at timestamptz not null
);

-- Whether a domain may have one more user, which the calling transaction then makes; until it ends, others wait here.
-- The count is kept, so that a user costs as much in a domain of a million. It is made anew when it is a minute old, or
-- says that there is no room and is a second old: it may be too high, where a user was deleted or a user that was there
-- already was to be made.
create function token.check_user_limit(
    p_domain_id text,
    p_limit bigint,
    p_now timestamptz
) returns boolean
language plpgsql as $$
declare
    known token.user_count;
begin
    insert into token.user_count (domain_id, users, counted_at) values (p_domain_id, p_limit, '-infinity')
    on conflict do nothing;
    select c.* into known from token.user_count c where c.domain_id = p_domain_id for update;
    if known.counted_at < p_now - interval '1 minute'
        or (known.users >= p_limit and known.counted_at < p_now - interval '1 second') then
        -- A new statement sees whoever was made while the row was waited for.
        select count(*), p_now into known.users, known.counted_at
        from token.app_user u where u.domain_id = p_domain_id;
    end if;
    update token.user_count c
    set users = known.users + case when known.users < p_limit then 1 else 0 end, counted_at = known.counted_at
    where c.domain_id = p_domain_id;
    return known.users < p_limit;
end
$$;

-- Whether a domain may have one more app, which the calling transaction then makes; until it ends, others wait here.
-- Operators make apps, and seldom: they are counted.
create function token.check_app_limit(
    p_domain_id text,
    p_limit bigint
) returns boolean
language plpgsql as $$
begin
    perform from token.domain d where d.domain_id = p_domain_id for no key update;
    -- A new statement sees the apps that were made while the row was waited for.
    return (select count(*) from token.app a where a.domain_id = p_domain_id) < p_limit;
end
$$;

-- As before; a user who is made by the assertion stands in the feed and in the audit log, there under the session's id,
-- which is no other event's: `p_event_id` is that of the grant.
create or replace function token.start_session_by_assertion(
    p_domain_id text,
    p_assertion_id bytea,
    p_assertion_expires_at timestamptz,
    p_auto_create boolean,
    p_superadmins boolean,
    p_session_id uuid,
    p_client_id text,
    p_user_id text,
    p_secret_hash bytea,
    p_now timestamptz,
    p_expires_at timestamptz,
    p_absolute_at timestamptz,
    p_scopes text[],
    p_event_id uuid
) returns token.opened_session
language plpgsql as $$
declare
    opened token.opened_session;
begin
    insert into token.used_assertion (domain_id, client_id, assertion_id, expires_at)
    values (p_domain_id, p_client_id, p_assertion_id, p_assertion_expires_at)
    on conflict do nothing;
    if not found then
        insert into token.audit (domain_id, event_id, event, client_id, user_id, detail)
        values (p_domain_id, p_event_id, 'jwt_bearer.refused', p_client_id, p_user_id, 'replay');
        opened.verdict := 'replay';
        return opened;
    end if;
    if p_auto_create then
        insert into token.app_user (
            domain_id, user_id, user_name, nick_name, avatar, default_drive_id, role, status, created_at
        ) values (p_domain_id, p_user_id, p_user_id, p_user_id, '', '', 'user', 'enabled', p_now)
        on conflict do nothing;
        if found then
            insert into token.user_event (domain_id, event_id, user_id, kind)
            values (p_domain_id, p_event_id, p_user_id, 'created');
            insert into token.audit (domain_id, event_id, event, client_id, user_id, actor, detail)
            values (
                p_domain_id, p_session_id, 'user.created', p_client_id, p_user_id, p_client_id, 'auto_create'
            );
        end if;
    end if;
    return token.start_session(
        p_domain_id => p_domain_id, p_session_id => p_session_id, p_client_id => p_client_id, p_user_id => p_user_id,
        p_secret_hash => p_secret_hash, p_now => p_now, p_expires_at => p_expires_at, p_absolute_at => p_absolute_at,
        p_scopes => p_scopes, p_role_cap => null, p_actor => null, p_superadmins => p_superadmins,
        p_device_id => '', p_device_name => '', p_event_id => p_event_id, p_event => 'jwt_bearer',
        p_proof_method => 'assertion', p_proof_identity => null
    );
end
$$;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
