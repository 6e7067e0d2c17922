-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- How many codes or passwords for somebody were wrong in a period. Rows go with it.
create table account.guess (
    domain_id text not null,
    -- The type of an identity, the user system that knows the password, or `device`.
    way text not null,
    -- The identity as it is compared, the name as directories compare it, or the user who enters the codes of devices.
    name text not null,
    -- When the period began.
    period timestamptz not null,
    -- The browser that is counted by itself, or zeros for those that nobody knows, all together.
    browser_id uuid not null,
    wrong bigint not null,
    primary key (domain_id, way, name, period, browser_id)
) partition by range (period);

-- As in the table above. What a process of the version before writes is a stranger's.
alter table account.logon_code
add column browser_id uuid not null default '00000000-0000-0000-0000-000000000000';
alter table account.password_try
add column browser_id uuid not null default '00000000-0000-0000-0000-000000000000';

-- Whether one more may be wrong. p_guesses of a browser may, and of all of them together p_browsers times as many.
create function account.may_guess(
    p_domain_id text,
    p_way text,
    p_name text,
    p_period timestamptz,
    p_browser_id uuid,
    p_guesses integer,
    p_browsers integer
) returns boolean
language sql stable
as $$
    select coalesce(sum(g.wrong) filter (where g.browser_id = p_browser_id), 0) < p_guesses
        and coalesce(sum(g.wrong), 0) < p_guesses * p_browsers
    from account.guess g
    where g.domain_id = p_domain_id and g.way = p_way and g.name = p_name and g.period = p_period
$$;

-- Counts one that is wrong.
create function account.count_guess(
    p_domain_id text,
    p_way text,
    p_name text,
    p_period timestamptz,
    p_browser_id uuid
) returns void
language sql
as $$
    insert into account.guess as g (domain_id, way, name, period, browser_id, wrong)
    values (p_domain_id, p_way, p_name, p_period, p_browser_id, 1)
    on conflict (domain_id, way, name, period, browser_id) do update set wrong = g.wrong + 1
$$;

-- As before; each browser that is known has limits of an identity to itself, strangers have them together, and all have
-- p_browsers times as much. A verdict more: `guessed`, as many codes were wrong as may be. A browser is known as long as
-- the identity is linked as it was when that browser was logged on by it, at the time in p_browser_id. The limit of an
-- address is for strangers.
create function account.begin_logon_code(
    p_domain_id text,
    p_code_id uuid,
    p_type text,
    p_identity_key text,
    p_address text,
    p_mac bytea,
    p_expires_at timestamptz,
    p_since uuid,
    p_recent uuid,
    p_per_identity integer,
    p_per_address integer,
    p_per_domain integer,
    p_browser_id uuid,
    p_browsers integer,
    p_period timestamptz,
    p_guesses integer
) returns text
language plpgsql
as $$
declare
    stranger constant uuid := '00000000-0000-0000-0000-000000000000';
    browser uuid := p_browser_id;
    sent record;
    of_others bigint;
begin
    if browser <> stranger then
        perform from account.link l
        where l.domain_id = p_domain_id and l.type = p_type and l.identity_key = p_identity_key
            and date_trunc('milliseconds', l.created_at) <= uuid_extract_timestamp(p_browser_id);
        if not found then
            browser := stranger;
        end if;
    end if;
    perform pg_advisory_xact_lock(hashtextextended(p_domain_id || '/logon codes', 0));
    if not account.may_guess(p_domain_id, p_type, p_identity_key, p_period, browser, p_guesses, p_browsers) then
        return 'guessed';
    end if;
    select count(*) as by_all, count(*) filter (where c.browser_id = browser) as by_it,
        count(*) filter (where c.browser_id = browser and c.code_id >= p_recent) as just_now
    into sent
    from account.logon_code c
    where c.domain_id = p_domain_id and c.type = p_type and c.identity_key = p_identity_key and c.code_id >= p_since;
    if sent.just_now > 0 then
        return 'early';
    end if;
    if sent.by_it >= p_per_identity or sent.by_all >= p_per_identity * p_browsers then
        return 'identity';
    end if;
    if browser = stranger then
        select count(*) into of_others from account.logon_code c
        where c.domain_id = p_domain_id and c.address = p_address and c.code_id >= p_since and c.browser_id = stranger;
        if of_others >= p_per_address then
            return 'address';
        end if;
    end if;
    select count(*) into of_others from account.logon_code c where c.domain_id = p_domain_id and c.code_id >= p_since;
    if of_others >= p_per_domain then
        return 'domain';
    end if;
    insert into account.logon_code (domain_id, code_id, type, identity_key, address, mac, expires_at, browser_id)
    values (p_domain_id, p_code_id, p_type, p_identity_key, p_address, p_mac, p_expires_at, browser);
    return 'begun';
end
$$;

-- As before. A verdict more: `guessed`, as many codes were wrong as may be, and this one is not looked at. One code of an
-- identity at a time is. One that was good is good once more where it was so after p_again: who presses twice logs on, and
-- the hash is of a flow, which one browser has.
create function account.try_logon_code(
    p_domain_id text,
    p_code_id uuid,
    p_type text,
    p_identity_key text,
    p_mac bytea,
    p_now timestamptz,
    p_max_tries integer,
    p_browsers integer,
    p_period timestamptz,
    p_guesses integer,
    p_again timestamptz
) returns text
language plpgsql
as $$
declare
    sent account.logon_code;
    over boolean;
begin
    perform pg_advisory_xact_lock(
        hashtextextended(concat_ws('/', 'code of', p_domain_id, p_type, p_identity_key), 0)
    );
    select c.* into sent from account.logon_code c
    where c.domain_id = p_domain_id and c.code_id = p_code_id and c.type = p_type
        and c.identity_key = p_identity_key and c.expires_at > p_now
    for update;
    -- One that ended by wrong ones is not good within that time either.
    if not found or sent.wrong_tries >= p_max_tries or sent.ended_at <= p_again then
        return 'over';
    end if;
    if sent.ended_at is not null then
        return case when sent.mac = p_mac then 'good' else 'over' end;
    end if;
    if not account.may_guess(p_domain_id, p_type, p_identity_key, p_period, sent.browser_id, p_guesses, p_browsers) then
        return 'guessed';
    end if;
    if sent.mac = p_mac then
        update account.logon_code c set ended_at = p_now where c.domain_id = p_domain_id and c.code_id = p_code_id;
        return 'good';
    end if;
    over := sent.wrong_tries + 1 >= p_max_tries;
    update account.logon_code c
    set wrong_tries = sent.wrong_tries + 1, ended_at = case when over then p_now end
    where c.domain_id = p_domain_id and c.code_id = p_code_id;
    perform account.count_guess(p_domain_id, p_type, p_identity_key, p_period, sent.browser_id);
    return case when over then 'over' else 'wrong' end;
end
$$;

-- As before, with browsers as at begin_logon_code; who has proven a name is known by that alone. A verdict more:
-- `guessed`. Codes of devices are counted here, too: p_user_system_id is `device`, and p_name_key the user.
create function account.begin_password_try(
    p_domain_id text,
    p_try_id uuid,
    p_user_system_id text,
    p_name_key text,
    p_address text,
    p_since uuid,
    p_per_name integer,
    p_per_address integer,
    p_browser_id uuid,
    p_browsers integer,
    p_period timestamptz,
    p_guesses integer
) returns text
language plpgsql
as $$
declare
    stranger constant uuid := '00000000-0000-0000-0000-000000000000';
    tried record;
    of_others bigint;
begin
    -- Always in this order: nobody waits for who waits for him.
    perform pg_advisory_xact_lock(
        hashtextextended(concat_ws('/', 'password of', p_domain_id, p_user_system_id, p_name_key), 0)
    );
    perform pg_advisory_xact_lock(hashtextextended(concat_ws('/', 'passwords from', p_domain_id, p_address), 0));
    if not account.may_guess(
        p_domain_id, p_user_system_id, p_name_key, p_period, p_browser_id, p_guesses, p_browsers
    ) then
        return 'guessed';
    end if;
    select count(*) as by_all, count(*) filter (where t.browser_id = p_browser_id) as by_it into tried
    from account.password_try t
    where t.domain_id = p_domain_id and t.user_system_id = p_user_system_id and t.name_key = p_name_key
        and t.try_id >= p_since;
    if tried.by_it >= p_per_name or tried.by_all >= p_per_name * p_browsers then
        return 'name';
    end if;
    if p_browser_id = stranger then
        select count(*) into of_others from account.password_try t
        where t.domain_id = p_domain_id and t.address = p_address and t.try_id >= p_since and t.browser_id = stranger;
        if of_others >= p_per_address then
            return 'address';
        end if;
    end if;
    insert into account.password_try (domain_id, try_id, user_system_id, name_key, address, browser_id)
    values (p_domain_id, p_try_id, p_user_system_id, p_name_key, p_address, p_browser_id);
    perform account.count_guess(p_domain_id, p_user_system_id, p_name_key, p_period, p_browser_id);
    return 'begun';
end
$$;

-- A password was right, or was not looked at: it counts neither in the hour nor in p_period, in which it was begun.
create function account.forget_password_try(
    p_domain_id text,
    p_try_id uuid,
    p_period timestamptz
) returns void
language plpgsql
as $$
declare
    tried account.password_try;
begin
    delete from account.password_try t where t.domain_id = p_domain_id and t.try_id = p_try_id returning t.* into tried;
    update account.guess g set wrong = g.wrong - 1
    where g.domain_id = p_domain_id and g.way = tried.user_system_id and g.name = tried.name_key
        and g.period = p_period and g.browser_id = tried.browser_id;
    delete from account.guess g
    where g.domain_id = p_domain_id and g.way = tried.user_system_id and g.name = tried.name_key
        and g.period = p_period and g.browser_id = tried.browser_id and g.wrong = 0;
end
$$;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
