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

-- As before; a user who is made by the assertion is told of.
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
