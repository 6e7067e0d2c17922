-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- Who made the user: a user, an app or an access key. Empty where it came with its domain or by an assertion.
alter table token.app_user add column creator text not null default '';

-- For the erasure of a user. Codes are few: they are kept for a day. The other one is made ahead.
-- squawk-ignore require-concurrent-index-creation
create index authorization_code_by_user on token.authorization_code (domain_id, user_id);
-- squawk-ignore require-concurrent-index-creation
create index if not exists audit_by_actor on token.audit (domain_id, actor) where actor is not null;

-- Tells a state of a user from any other, also from one of an earlier user of the same id.
create function token.user_etag(p_user token.app_user) returns text
language sql stable as $$
    select to_hex((extract(epoch from p_user.created_at) * 1000000)::bigint) || '-' || p_user.version
$$;

-- How much a role may, beside the others.
create function token.role_rank(p_role text) returns int
language sql immutable as $$
    select array_position(array['user', 'admin', 'superadmin'], p_role)
$$;

-- Makes a user. Verdicts: `created`, `exists`.
create function token.create_user(
    p_domain_id text,
    p_user_id text,
    p_user_name text,
    p_nick_name text,
    p_avatar text,
    p_role text,
    p_status text,
    p_description text,
    p_default_drive_id text,
    p_user_data jsonb,
    p_actor text,
    p_now timestamptz,
    p_event_id uuid,
    out verdict text,
    out person token.app_user
)
language plpgsql as $$
begin
    insert into token.app_user (
        domain_id, user_id, user_name, nick_name, avatar, default_drive_id, role, status, created_at, description,
        user_data, creator
    ) values (
        p_domain_id, p_user_id, p_user_name, p_nick_name, p_avatar, p_default_drive_id, p_role, p_status, p_now,
        p_description, p_user_data, p_actor
    )
    on conflict do nothing
    returning * into person;
    if not found then
        verdict := 'exists';
        return;
    end if;
    verdict := 'created';
    insert into token.user_event (domain_id, event_id, user_id, kind)
    values (p_domain_id, p_event_id, p_user_id, 'created');
    insert into token.audit (domain_id, event_id, event, user_id, actor, detail)
    values (p_domain_id, p_event_id, 'user.created', p_user_id, p_actor, 'role=' || p_role || ' status=' || p_status);
end
$$;

-- Locks a user's row for a change by a caller who may reach the roles `p_roles`; a null etag fits every state. Verdicts:
-- `no_user`; `role` (it is above the caller's); `etag`; `last` (`p_demoted`, and the domain has no other enabled
-- superadmin); null: go on.
--
-- Who reaches superadmins waits for whoever else does, before the row: of two who take each other's role away, the
-- second sees what the first left. Then the row, and after it, in the order of their ids, its sessions: whoever holds
-- one of these waits for none of those before it.
create function token.lock_user(
    p_domain_id text,
    p_user_id text,
    p_etag text,
    p_roles text[],
    p_demoted boolean,
    out verdict text,
    out person token.app_user
)
language plpgsql as $$
begin
    if 'superadmin' = any (p_roles) then
        perform pg_advisory_xact_lock(hashtextextended('token/superadmins/' || p_domain_id, 0));
    end if;
    select u.* into person from token.app_user u
    where u.domain_id = p_domain_id and u.user_id = p_user_id
    for update;
    verdict := case
        when person.user_id is null then 'no_user'
        when person.role <> all (p_roles) then 'role'
        when p_etag <> token.user_etag(person) then 'etag'
    end;
    -- A new statement: it sees what others committed while the lock was waited for.
    if verdict is null and p_demoted and person.role = 'superadmin' and person.status = 'enabled' and not exists (
        select from token.app_user u
        where u.domain_id = p_domain_id and u.role = 'superadmin' and u.status = 'enabled' and u.user_id <> p_user_id
    ) then
        verdict := 'last';
    end if;
end
$$;

-- Takes the place of set_user_status, which only the previous version calls.
--
-- Changes a user, and what its sessions say of it; null leaves a field as it is. One
-- who is disabled or made less has its access tokens revoked. Verdicts: those of lock_user; `raise` (the caller is this
-- user and would raise itself); `updated`, also where nothing is another than before, and then nothing is written.
create function token.update_user(
    p_domain_id text,
    p_user_id text,
    p_etag text,
    p_roles text[],
    p_user_name text,
    p_nick_name text,
    p_avatar text,
    p_role text,
    p_status text,
    p_description text,
    p_default_drive_id text,
    p_user_data jsonb,
    p_actor text,
    p_now timestamptz,
    p_event_id uuid,
    out verdict text,
    out person token.app_user
)
language plpgsql as $$
declare
    held record;
    before token.app_user;
    changed text;
begin
    select l.* into held from token.lock_user(
        p_domain_id, p_user_id, p_etag, p_roles, p_role <> 'superadmin' or p_status <> 'enabled'
    ) l;
    verdict := held.verdict;
    before := held.person;
    if verdict is not null then
        return;
    end if;
    if p_actor = p_user_id and token.role_rank(p_role) > token.role_rank(before.role) then
        verdict := 'raise';
        return;
    end if;
    verdict := 'updated';
    person := before;
    person.user_name := coalesce(p_user_name, before.user_name);
    person.nick_name := coalesce(p_nick_name, before.nick_name);
    person.avatar := coalesce(p_avatar, before.avatar);
    person.role := coalesce(p_role, before.role);
    person.status := coalesce(p_status, before.status);
    person.description := coalesce(p_description, before.description);
    person.default_drive_id := coalesce(p_default_drive_id, before.default_drive_id);
    person.user_data := coalesce(p_user_data, before.user_data);
    if person is not distinct from before then
        return;
    end if;
    person.version := before.version + 1;
    person.updated_at := p_now;
    update token.app_user u set
        user_name = person.user_name, nick_name = person.nick_name, avatar = person.avatar, role = person.role,
        status = person.status, description = person.description, default_drive_id = person.default_drive_id,
        user_data = person.user_data, version = person.version, updated_at = person.updated_at
    where u.domain_id = p_domain_id and u.user_id = p_user_id;
    if (person.user_name, person.nick_name, person.avatar, person.default_drive_id, person.role, person.status)
        is distinct from
        (before.user_name, before.nick_name, before.avatar, before.default_drive_id, before.role, before.status)
    then
        perform from token.session s where s.domain_id = p_domain_id and s.user_id = p_user_id
        order by s.session_id
        for update;
        update token.session s set
            user_name = person.user_name, nick_name = person.nick_name, avatar = person.avatar,
            default_drive_id = person.default_drive_id, user_role = person.role, user_status = person.status
        where s.domain_id = p_domain_id and s.user_id = p_user_id;
    end if;
    if (person.status = 'disabled' and before.status = 'enabled')
        or token.role_rank(person.role) < token.role_rank(before.role)
    then
        insert into token.revocation (domain_id, event_id, kind, subject, revoked_at)
        values (p_domain_id, p_event_id, 'user', p_user_id, p_now + interval '2 seconds');
    end if;
    insert into token.user_event (domain_id, event_id, user_id, kind)
    values (p_domain_id, p_event_id, p_user_id, 'updated');
    -- The names of what changed; the values of those alone that say what a user may.
    select string_agg(c.said, ' ') into changed from (
        values
            (person.role <> before.role, 'role=' || person.role),
            (person.status <> before.status, 'status=' || person.status),
            (person.user_name <> before.user_name, 'user_name'),
            (person.nick_name <> before.nick_name, 'nick_name'),
            (person.avatar <> before.avatar, 'avatar'),
            (person.description <> before.description, 'description'),
            (person.default_drive_id <> before.default_drive_id, 'default_drive_id'),
            (person.user_data <> before.user_data, 'user_data')
    ) c (is_so, said) where c.is_so;
    insert into token.audit (domain_id, event_id, event, user_id, actor, detail)
    values (p_domain_id, p_event_id, 'user.updated', p_user_id, p_actor, changed);
end
$$;

-- Takes a user out of the audit log: what happened stays, and `p_pseudonym` stands for who it was. How the user was
-- proven, such as a number of a telephone, goes.
create function token.erase_user_from_audit(
    p_domain_id text,
    p_user_id text,
    p_pseudonym text
) returns void
language plpgsql as $$
begin
    update token.audit a set user_id = p_pseudonym, proof_identity = null
    where a.domain_id = p_domain_id and a.user_id = p_user_id;
    update token.audit a set actor = p_pseudonym where a.domain_id = p_domain_id and a.actor = p_user_id;
end
$$;

-- Deletes a user: its row and whatever tokens could be got by, and its id and identities in the audit log, where
-- `p_pseudonym` stands instead. Verdicts: those of lock_user, `deleted`.
create function token.delete_user(
    p_domain_id text,
    p_user_id text,
    p_etag text,
    p_roles text[],
    p_pseudonym text,
    p_actor text,
    p_now timestamptz,
    p_event_id uuid
) returns text
language plpgsql as $$
declare
    verdict text;
    code uuid;
begin
    select l.verdict into verdict from token.lock_user(p_domain_id, p_user_id, p_etag, p_roles, true) l;
    if verdict is not null then
        return verdict;
    end if;
    perform from token.session s where s.domain_id = p_domain_id and s.user_id = p_user_id
    order by s.session_id
    for update;
    delete from token.session s where s.domain_id = p_domain_id and s.user_id = p_user_id;
    -- A code that is being redeemed waits for the user's row, is used up by that, and gives nothing.
    -- One by one, by the whole key: a plan made while there were none might look at everybody's.
    for code in
        select c.code_id from token.authorization_code c
        where c.domain_id = p_domain_id and c.user_id = p_user_id
        for update skip locked
    loop
        delete from token.authorization_code c where c.domain_id = p_domain_id and c.code_id = code;
    end loop;
    delete from token.app_user u where u.domain_id = p_domain_id and u.user_id = p_user_id;
    insert into token.revocation (domain_id, event_id, kind, subject, revoked_at)
    values (p_domain_id, p_event_id, 'user', p_user_id, p_now + interval '2 seconds');
    insert into token.user_event (domain_id, event_id, user_id, kind)
    values (p_domain_id, p_event_id, p_user_id, 'deleted');
    insert into token.audit (domain_id, event_id, event, user_id, actor)
    values (p_domain_id, p_event_id, 'user.deleted', p_user_id, p_actor);
    perform token.erase_user_from_audit(p_domain_id, p_user_id, p_pseudonym);
    return 'deleted';
end
$$;

-- Ends a session. Verdicts: `no_session`; `role` (its user's is above the caller's); `revoked`, also where it was over
-- already, and then nothing is written.
create function token.revoke_session(
    p_domain_id text,
    p_session_id uuid,
    p_roles text[],
    p_actor text,
    p_now timestamptz,
    p_event_id uuid
) returns text
language plpgsql as $$
declare
    one token.session;
begin
    select s.* into one from token.session s
    where s.domain_id = p_domain_id and s.session_id = p_session_id
    for update;
    if not found then
        return 'no_session';
    elsif one.user_role <> all (p_roles) then
        return 'role';
    elsif one.revoked_at is null then
        update token.session s set revoked_at = p_now
        where s.domain_id = p_domain_id and s.session_id = p_session_id;
        insert into token.revocation (domain_id, event_id, kind, subject, revoked_at)
        values (p_domain_id, p_event_id, 'session', p_session_id::text, p_now);
        insert into token.audit (domain_id, event_id, event, client_id, user_id, session_id, actor)
        values (p_domain_id, p_event_id, 'session.revoked', one.client_id, one.user_id, p_session_id, p_actor);
    end if;
    return 'revoked';
end
$$;

-- Ends all sessions that an app began until now, in its one row. Answers whether there is such an app.
create function token.revoke_app_sessions(
    p_domain_id text,
    p_client_id text,
    p_actor text,
    p_now timestamptz,
    p_event_id uuid
) returns boolean
language plpgsql as $$
begin
    update token.app a set sessions_revoked_at = greatest(a.sessions_revoked_at, p_now)
    where a.domain_id = p_domain_id and a.client_id = p_client_id;
    if not found then
        return false;
    end if;
    insert into token.revocation (domain_id, event_id, kind, subject, revoked_at)
    values (p_domain_id, p_event_id, 'app', p_client_id, p_now + interval '2 seconds');
    insert into token.audit (domain_id, event_id, event, client_id, actor)
    values (p_domain_id, p_event_id, 'session.all_of_app_revoked', p_client_id, p_actor);
    return true;
end
$$;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
