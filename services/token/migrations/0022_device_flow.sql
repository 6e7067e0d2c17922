-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- What devices without a browser ask for (RFC 8628), and what their users decided.
create table token.device_authorization (
    domain_id text not null,
    -- UUIDv7, in the device code.
    authorization_id uuid not null,
    -- SHA-256 of the secret in the device code, and of the user code.
    device_code_hash bytea not null,
    user_code_hash bytea not null,
    client_id text not null,
    -- Those asked for; once approved, those that the user consented to.
    scopes text[] not null,
    device_id text not null,
    device_name text not null,
    expires_at timestamptz not null,
    -- When the device asked last, and how many seconds it is to wait until it asks again.
    polled_at timestamptz,
    poll_seconds bigint not null default 5,
    decision text check (decision in ('approved', 'denied')),
    decided_at timestamptz,
    -- Who decided, and when this user was proven.
    user_id text,
    authenticated_at timestamptz,
    -- When the device was given its Token.
    used_at timestamptz,
    primary key (domain_id, authorization_id)
) partition by range (authorization_id);

-- As with codes: a statement that names neither can use neither, which while a partition is empty would be as good to the
-- planner as the primary key. Of a partitioned table none can be made concurrently.
-- squawk-ignore require-concurrent-index-creation
create index device_authorization_by_user_code on token.device_authorization (domain_id, user_code_hash)
where user_code_hash is not null;
-- squawk-ignore require-concurrent-index-creation
create index device_authorization_of_user on token.device_authorization (domain_id, user_id) where user_id is not null;

-- How many user codes that are none were tried in a domain, in the minute of the last one.
create table token.device_guess (
    domain_id text not null primary key,
    minute timestamptz not null,
    wrong bigint not null
);

-- Keeps what a device asks for; whether its user code was free. Whoever is about to take the same code waits here: no two
-- that have not expired are the same. Audited where there is an event id.
create function token.create_device_authorization(
    p_domain_id text,
    p_authorization_id uuid,
    p_device_code_hash bytea,
    p_user_code_hash bytea,
    p_client_id text,
    p_scopes text[],
    p_device_id text,
    p_device_name text,
    p_now timestamptz,
    p_expires_at timestamptz,
    p_event_id uuid
) returns boolean
language plpgsql as $$
begin
    perform pg_advisory_xact_lock(
        hashtextextended('token/user_code/' || p_domain_id || '/' || encode(p_user_code_hash, 'hex'), 0)
    );
    -- A new statement sees who took it while the lock was waited for.
    if exists (
        select from token.device_authorization d
        where d.domain_id = p_domain_id and d.user_code_hash = p_user_code_hash and d.expires_at > p_now
    ) then
        return false;
    end if;
    insert into token.device_authorization (
        domain_id, authorization_id, device_code_hash, user_code_hash, client_id, scopes, device_id, device_name, expires_at
    ) values (
        p_domain_id, p_authorization_id, p_device_code_hash, p_user_code_hash, p_client_id, p_scopes, p_device_id,
        p_device_name, p_expires_at
    );
    if p_event_id is not null then
        insert into token.audit (domain_id, event_id, event, client_id)
        values (p_domain_id, p_event_id, 'device_authorization.created', p_client_id);
    end if;
    return true;
end
$$;

-- Finds what a device asks for by its user code. Verdicts: `found`; `decided`; `unknown`, which is counted; `guessed`: as
-- many as `p_guesses` were unknown in this minute, and nothing was looked for. In a domain one looks at a time: people do,
-- and of those who guess at once none gets beyond the limit.
create function token.find_device_authorization(
    p_domain_id text,
    p_user_code_hash bytea,
    p_guesses bigint,
    p_now timestamptz,
    out verdict text,
    out asked token.device_authorization
)
language plpgsql as $$
declare
    before bigint;
begin
    insert into token.device_guess as g (domain_id, minute, wrong)
    values (p_domain_id, date_trunc('minute', p_now, 'UTC'), 0)
    on conflict (domain_id) do update set
        wrong = case when g.minute >= excluded.minute then g.wrong else 0 end,
        minute = greatest(g.minute, excluded.minute)
    returning g.wrong into before;
    if before >= p_guesses then
        verdict := 'guessed';
        return;
    end if;
    -- A new statement sees what was written while the row was waited for.
    select d.* into asked from token.device_authorization d
    where d.domain_id = p_domain_id and d.user_code_hash = p_user_code_hash and d.expires_at > p_now;
    verdict := case
        when not found then 'unknown'
        when asked.decision is not null then 'decided'
        else 'found'
    end;
    if verdict = 'unknown' then
        update token.device_guess g set wrong = before + 1 where g.domain_id = p_domain_id;
    end if;
end
$$;

-- Decides whether a device gets what it asks for; null scopes are all that it asked for. Verdicts: `decided`, also where
-- the same user decided the same before; `unknown`, or it has expired; `other` (it was decided otherwise, or by somebody
-- else); `scope` (more than the device asked for); `no_user`, `disabled`. Of those that decide at once the first one does.
create function token.decide_device_authorization(
    p_domain_id text,
    p_authorization_id uuid,
    p_decision text,
    p_user_id text,
    p_scopes text[],
    p_authenticated_at timestamptz,
    p_proof_method text,
    p_proof_identity text,
    p_now timestamptz,
    p_event_id uuid
) returns text
language plpgsql as $$
declare
    person token.app_user;
    asked token.device_authorization;
begin
    -- Who is disabled or deleted after this gets nothing for it: start_session looks again.
    select u.* into person from token.app_user u where u.domain_id = p_domain_id and u.user_id = p_user_id;
    if not found then
        return 'no_user';
    elsif person.status <> 'enabled' then
        return 'disabled';
    end if;
    update token.device_authorization d set
        decision = p_decision, decided_at = p_now, user_id = p_user_id, authenticated_at = p_authenticated_at,
        scopes = coalesce(p_scopes, d.scopes)
    where d.domain_id = p_domain_id and d.authorization_id = p_authorization_id
        and d.decision is null and d.expires_at > p_now and (p_scopes is null or p_scopes <@ d.scopes)
    returning d.* into asked;
    if found then
        insert into token.audit (domain_id, event_id, event, client_id, user_id, proof_method, proof_identity)
        values (
            p_domain_id, p_event_id, case p_decision
                when 'approved' then 'device_authorization.approved' else 'device_authorization.denied'
            end, asked.client_id, p_user_id, p_proof_method,
            p_proof_identity
        );
        return 'decided';
    end if;
    -- A new statement sees what the first decision has committed.
    select d.* into asked from token.device_authorization d
    where d.domain_id = p_domain_id and d.authorization_id = p_authorization_id;
    return case
        when not found then 'unknown'
        when asked.decision = p_decision and asked.user_id = p_user_id then 'decided'
        when asked.decision is not null then 'other'
        when asked.expires_at <= p_now then 'unknown'
        else 'scope'
    end;
end
$$;

-- Answers a device that asks whether it was approved, and where it was, starts its session, once. Verdicts: those of
-- start_session; `unknown`; `pending`; `slow_down` (it asks too soon: it has to wait 5 seconds more from now on);
-- `denied`; `expired`; `replay` (it was given its Token before). Half a second is forgiven: replicas' clocks differ.
create function token.redeem_device_code(
    p_domain_id text,
    p_authorization_id uuid,
    p_device_code_hash bytea,
    p_client_id text,
    p_session_id uuid,
    p_secret_hash bytea,
    p_now timestamptz,
    p_expires_at timestamptz,
    p_absolute_at timestamptz,
    p_event_id uuid,
    out opened token.opened_session,
    out authenticated_at timestamptz
)
language plpgsql as $$
declare
    asked token.device_authorization;
begin
    -- One after another, of who asks at once.
    select d.* into asked from token.device_authorization d
    where d.domain_id = p_domain_id and d.authorization_id = p_authorization_id
        and d.device_code_hash = p_device_code_hash and d.client_id = p_client_id
    for no key update;
    if not found then
        opened.verdict := 'unknown';
        return;
    end if;
    opened.verdict := case
        when asked.used_at is not null then 'replay'
        when asked.decision = 'denied' then 'denied'
        when asked.expires_at <= p_now then 'expired'
        when asked.decision = 'approved' then 'approved'
        when asked.polled_at + make_interval(secs => asked.poll_seconds - 0.5) > p_now then 'slow_down'
        else 'pending'
    end;
    if opened.verdict in ('pending', 'slow_down') then
        update token.device_authorization d set
            polled_at = p_now,
            poll_seconds = asked.poll_seconds + case opened.verdict when 'slow_down' then 5 else 0 end
        where d.domain_id = p_domain_id and d.authorization_id = p_authorization_id;
    elsif opened.verdict = 'approved' then
        update token.device_authorization d set used_at = p_now
        where d.domain_id = p_domain_id and d.authorization_id = p_authorization_id;
        opened := token.start_session(
            p_domain_id => p_domain_id, p_session_id => p_session_id, p_client_id => p_client_id,
            p_user_id => asked.user_id, p_secret_hash => p_secret_hash, p_now => p_now, p_expires_at => p_expires_at,
            p_absolute_at => p_absolute_at, p_scopes => asked.scopes, p_role_cap => null, p_actor => null,
            p_superadmins => true, p_device_id => asked.device_id, p_device_name => asked.device_name,
            p_event_id => p_event_id, p_event => 'device_code', p_proof_method => 'device_code', p_proof_identity => null
        );
        authenticated_at := asked.authenticated_at;
    elsif opened.verdict = 'replay' then
        insert into token.audit (domain_id, event_id, event, client_id, user_id, detail)
        values (p_domain_id, p_event_id, 'device_code.refused', p_client_id, asked.user_id, 'replay');
    end if;
end
$$;

-- As before, and what the user approved on devices that have not come for it: locked before the user's row, too, and after
-- the codes. They are found first and then locked, one by one in the order of their ids: asked to do both at once, a plan
-- made while there were none looked at everybody's in that order.
create or replace function token.end_user_sessions(
    p_domain_id text,
    p_user_id text,
    p_actor text,
    p_now timestamptz,
    p_event_id uuid
) returns text
language plpgsql as $$
declare
    codes uuid[];
    devices uuid[];
    each uuid;
    held record;
begin
    with own as materialized (
        select c.code_id from token.authorization_code c where c.domain_id = p_domain_id and c.user_id = p_user_id
    )
    select array_agg(own.code_id order by own.code_id) into codes from own;
    foreach each in array coalesce(codes, '{}') loop
        perform from token.authorization_code c where c.domain_id = p_domain_id and c.code_id = each for update;
    end loop;
    with own as materialized (
        select d.authorization_id from token.device_authorization d
        where d.domain_id = p_domain_id and d.user_id = p_user_id
    )
    select array_agg(own.authorization_id order by own.authorization_id) into devices from own;
    foreach each in array coalesce(devices, '{}') loop
        perform from token.device_authorization d
        where d.domain_id = p_domain_id and d.authorization_id = each
        for update;
    end loop;
    select r.verdict into held from token.revoke_user_sessions(
        p_domain_id, p_user_id, array['user', 'admin', 'superadmin'], p_actor, p_now, p_event_id
    ) r;
    foreach each in array coalesce(codes, '{}') loop
        delete from token.authorization_code c where c.domain_id = p_domain_id and c.code_id = each;
    end loop;
    foreach each in array coalesce(devices, '{}') loop
        delete from token.device_authorization d where d.domain_id = p_domain_id and d.authorization_id = each;
    end loop;
    return held.verdict;
end
$$;

-- As before, and what the user approved on devices.
create or replace function token.delete_user(
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
    each uuid;
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
    for each in
        select c.code_id from token.authorization_code c
        where c.domain_id = p_domain_id and c.user_id = p_user_id
        for update skip locked
    loop
        delete from token.authorization_code c where c.domain_id = p_domain_id and c.code_id = each;
    end loop;
    for each in
        select d.authorization_id from token.device_authorization d
        where d.domain_id = p_domain_id and d.user_id = p_user_id
        for update skip locked
    loop
        delete from token.device_authorization d where d.domain_id = p_domain_id and d.authorization_id = each;
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

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
