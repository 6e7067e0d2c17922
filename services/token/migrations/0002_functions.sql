-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- What starting or rotating a session answers. `verdict` says whether there are tokens to be issued; the rest is null
-- where there are none.
create type token.opened_session as (
    verdict text,
    session_id uuid,
    generation bigint,
    user_id text,
    scopes text[],
    role_cap text,
    actor text,
    device_id text,
    device_name text,
    user_name text,
    nick_name text,
    avatar text,
    default_drive_id text,
    user_role text,
    is_first boolean
);

-- Starts a session of a user who was proven. Verdicts: `started`; `no_user`, `disabled`, `superadmin` (who is not to be
-- impersonated here). The user's row is locked, so that a user who is being disabled either refuses this session or
-- has it among those that are disabled.
create function token.start_session(
    p_domain_id text,
    p_session_id uuid,
    p_client_id text,
    p_user_id text,
    p_secret_hash bytea,
    p_now timestamptz,
    p_expires_at timestamptz,
    p_absolute_at timestamptz,
    p_scopes text[],
    p_role_cap text,
    p_actor text,
    p_superadmins boolean,
    p_device_id text,
    p_device_name text,
    p_event_id uuid,
    p_event text,
    p_proof_method text,
    p_proof_identity text
) returns token.opened_session
language plpgsql as $$
declare
    person token.app_user;
    opened token.opened_session;
begin
    -- First the stronger lock, then the weaker: two first logons at once wait for each other and never for both.
    update token.app_user u set first_token_at = p_now
    where u.domain_id = p_domain_id and u.user_id = p_user_id and u.first_token_at is null
        and u.status = 'enabled' and (p_superadmins or u.role <> 'superadmin')
    returning u.* into person;
    opened.is_first := found;
    if not found then
        select u.* into person from token.app_user u
        where u.domain_id = p_domain_id and u.user_id = p_user_id
        for share;
    end if;
    opened.verdict := case
        when person.user_id is null then 'no_user'
        when person.status <> 'enabled' then 'disabled'
        when person.role = 'superadmin' and not p_superadmins then 'superadmin'
        else 'started'
    end;
    if opened.verdict = 'started' then
        insert into token.session (
            domain_id, session_id, client_id, user_id, secret_hash, created_at, rotated_at, expires_at, absolute_at,
            scopes, role_cap, actor, device_id, device_name,
            user_name, nick_name, avatar, default_drive_id, user_role, user_status
        ) values (
            p_domain_id, p_session_id, p_client_id, p_user_id, p_secret_hash, p_now, p_now, p_expires_at, p_absolute_at,
            p_scopes, p_role_cap, p_actor, p_device_id, p_device_name,
            person.user_name, person.nick_name, person.avatar, person.default_drive_id, person.role, person.status
        );
        opened.session_id := p_session_id;
        opened.generation := 1;
        opened.user_id := p_user_id;
        opened.scopes := p_scopes;
        opened.role_cap := p_role_cap;
        opened.actor := p_actor;
        opened.device_id := p_device_id;
        opened.device_name := p_device_name;
        opened.user_name := person.user_name;
        opened.nick_name := person.nick_name;
        opened.avatar := person.avatar;
        opened.default_drive_id := person.default_drive_id;
        opened.user_role := person.role;
    end if;
    insert into token.audit (
        domain_id, event_id, event, client_id, user_id, session_id, actor, proof_method, proof_identity, detail
    ) values (
        p_domain_id, p_event_id, p_event || case opened.verdict when 'started' then '.issued' else '.refused' end,
        p_client_id, p_user_id, opened.session_id, p_actor, p_proof_method, p_proof_identity,
        nullif(opened.verdict, 'started')
    );
    return opened;
end
$$;

-- Starts a session for an assertion, once. Verdicts: those of start_session, and `replay`.
create function token.start_session_by_assertion(
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

-- Redeems an authorization code and starts its session: both or neither. Verdicts: those of start_session; `unknown`;
-- `replay` (the code was used before: what was issued from it is revoked); `expired`, `redirect_uri` and `challenge`,
-- after which the code is used up.
create function token.redeem_code(
    p_domain_id text,
    p_code_id uuid,
    p_code_hash bytea,
    p_client_id text,
    p_redirect_uri text,
    p_code_challenge text,
    p_session_id uuid,
    p_secret_hash bytea,
    p_now timestamptz,
    p_expires_at timestamptz,
    p_absolute_at timestamptz,
    p_event_id uuid
) returns token.opened_session
language plpgsql as $$
declare
    code token.authorization_code;
    opened token.opened_session;
begin
    update token.authorization_code c set used_at = p_now, session_id = p_session_id
    where c.domain_id = p_domain_id and c.code_id = p_code_id and c.code_hash = p_code_hash
        and c.client_id = p_client_id and c.used_at is null
    returning c.* into code;
    if found then
        opened.verdict := case
            when code.expires_at <= p_now then 'expired'
            when code.redirect_uri <> p_redirect_uri then 'redirect_uri'
            when code.code_challenge is distinct from p_code_challenge then 'challenge'
        end;
        if opened.verdict is null then
            return token.start_session(
                p_domain_id => p_domain_id, p_session_id => p_session_id, p_client_id => p_client_id,
                p_user_id => code.user_id, p_secret_hash => p_secret_hash, p_now => p_now,
                p_expires_at => p_expires_at, p_absolute_at => p_absolute_at, p_scopes => code.scopes,
                p_role_cap => null, p_actor => null, p_superadmins => true,
                p_device_id => code.device_id, p_device_name => code.device_name, p_event_id => p_event_id,
                p_event => 'authorization_code', p_proof_method => 'code', p_proof_identity => null
            );
        end if;
    else
        -- A new statement sees what the first use has committed.
        select c.* into code from token.authorization_code c
        where c.domain_id = p_domain_id and c.code_id = p_code_id and c.code_hash = p_code_hash
            and c.client_id = p_client_id;
        if not found then
            opened.verdict := 'unknown';
            return opened;
        end if;
        opened.verdict := 'replay';
        update token.session s set revoked_at = p_now
        where s.domain_id = p_domain_id and s.session_id = code.session_id and s.revoked_at is null;
    end if;
    insert into token.audit (domain_id, event_id, event, client_id, user_id, session_id, detail)
    values (
        p_domain_id, p_event_id, 'authorization_code.refused', p_client_id, code.user_id, code.session_id,
        opened.verdict
    );
    return opened;
end
$$;

-- Uses a refresh token whose MAC was found good. One row is changed by one statement, which the newest version of the
-- row decides. Verdicts: `rotated`; `repeated` (the last generation again, within its grace: the same successor);
-- `grace_exhausted` (too often); `replay` (after the grace, or an older generation: the session is now revoked); and,
-- nothing changed, `unknown`, `client`, `secret`, `generation`, `revoked`, `expired`, `disabled`, `scope`.
-- Columns are compared with parameters and never added to, and no function stands in a CASE: Citus asks for that.
create function token.rotate_session(
    p_domain_id text,
    p_session_id uuid,
    p_client_id text,
    p_secret_hash bytea,
    p_generation bigint,
    p_scopes text[],
    p_now timestamptz,
    p_grace_from timestamptz,
    p_grace_repeats bigint,
    p_idle_until timestamptz,
    p_event_id uuid
) returns token.opened_session
language plpgsql as $$
declare
    opened token.opened_session;
begin
    update token.session s set
        generation = case when p_generation = s.generation then s.generation + 1 else s.generation end,
        rotated_at = case when p_generation = s.generation then p_now else s.rotated_at end,
        grace_uses = case when p_generation = s.generation then 0
                          when p_generation = s.generation - 1 and s.rotated_at > p_grace_from then s.grace_uses + 1
                          else s.grace_uses end,
        expires_at = case when p_generation = s.generation then least(p_idle_until, s.absolute_at)
                          else s.expires_at end,
        revoked_at = case when p_generation < s.generation
                               and (p_generation < s.generation - 1 or s.rotated_at <= p_grace_from) then p_now end
    where s.domain_id = p_domain_id and s.session_id = p_session_id and s.client_id = p_client_id
        and s.secret_hash = p_secret_hash and p_generation <= s.generation
        and s.revoked_at is null and s.expires_at > p_now and s.user_status = 'enabled' and p_scopes <@ s.scopes
    returning
        case when s.revoked_at is not null then 'replay'
             when s.grace_uses = 0 then 'rotated'
             when s.grace_uses > p_grace_repeats then 'grace_exhausted'
             else 'repeated' end,
        s.session_id, s.generation, s.user_id, s.scopes, s.role_cap, s.actor, s.device_id, s.device_name,
        s.user_name, s.nick_name, s.avatar, s.default_drive_id, s.user_role, false
    into opened;
    if not found then
        select
            case when s.client_id <> p_client_id then 'client'
                 when s.secret_hash <> p_secret_hash then 'secret'
                 when p_generation > s.generation then 'generation'
                 when s.revoked_at is not null then 'revoked'
                 when s.expires_at <= p_now then 'expired'
                 when s.user_status <> 'enabled' then 'disabled'
                 else 'scope' end,
            s.session_id, s.generation, s.user_id
        into opened.verdict, opened.session_id, opened.generation, opened.user_id
        from token.session s
        where s.domain_id = p_domain_id and s.session_id = p_session_id;
        if not found then
            opened.verdict := 'unknown';
        end if;
    end if;
    insert into token.audit (domain_id, event_id, event, client_id, user_id, session_id, detail)
    values (
        p_domain_id, p_event_id,
        case when opened.verdict in ('rotated', 'repeated') then 'refresh_token.issued' else 'refresh_token.refused' end,
        p_client_id, opened.user_id, p_session_id, opened.verdict
    );
    return opened;
end
$$;

-- Enables or disables a user and what its sessions say of it. Answers whether there is such a user.
create function token.set_user_status(
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
    insert into token.audit (domain_id, event_id, event, user_id, actor, detail)
    values (p_domain_id, p_event_id, 'user.status_set', p_user_id, p_actor, p_status);
    return true;
end
$$;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
