-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- Codes that were sent to who wants to log on. Rows go by whole days; until then they also say how many were sent.
create table account.logon_code (
    domain_id text not null,
    -- UUIDv7.
    code_id uuid not null,
    type text not null,
    identity_key text not null,
    -- Who asked for it: an address of IPv4, a network of IPv6.
    address text not null,
    -- Keyed hash of the code and of all that it is bound to, the browser included; the key is in no database.
    mac bytea not null,
    wrong_tries bigint not null default 0,
    expires_at timestamptz not null,
    -- Null: pending.
    ended_at timestamptz,
    primary key (domain_id, code_id)
) partition by range (code_id);

create index logon_code_of_identity on account.logon_code (domain_id, type, identity_key, code_id);
create index logon_code_of_address on account.logon_code (domain_id, address, code_id);

-- Writes down a code that is to be sent. Verdicts: `begun`; `early`, another one was sent just now; or the limit that is
-- reached: `identity`, `address`, `domain`. p_since and p_recent are the smallest ids of the times that are looked at.
-- One call of a domain at a time counts and writes.
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
    p_per_domain integer
) returns text
language plpgsql
as $$
declare
    sent bigint;
begin
    perform pg_advisory_xact_lock(hashtextextended(p_domain_id || '/logon codes', 0));
    perform 1 from account.logon_code c
    where c.domain_id = p_domain_id and c.type = p_type and c.identity_key = p_identity_key and c.code_id >= p_recent;
    if found then
        return 'early';
    end if;
    select count(*) into sent from account.logon_code c
    where c.domain_id = p_domain_id and c.type = p_type and c.identity_key = p_identity_key and c.code_id >= p_since;
    if sent >= p_per_identity then
        return 'identity';
    end if;
    select count(*) into sent from account.logon_code c
    where c.domain_id = p_domain_id and c.address = p_address and c.code_id >= p_since;
    if sent >= p_per_address then
        return 'address';
    end if;
    select count(*) into sent from account.logon_code c where c.domain_id = p_domain_id and c.code_id >= p_since;
    if sent >= p_per_domain then
        return 'domain';
    end if;
    insert into account.logon_code (domain_id, code_id, type, identity_key, address, mac, expires_at)
    values (p_domain_id, p_code_id, p_type, p_identity_key, p_address, p_mac, p_expires_at);
    return 'begun';
end
$$;

-- Tries a code. Verdicts: `good`, and it is good no more; `wrong`; `over`, there is none, or none any more.
create function account.try_logon_code(
    p_domain_id text,
    p_code_id uuid,
    p_type text,
    p_identity_key text,
    p_mac bytea,
    p_now timestamptz,
    p_max_tries integer
) returns text
language sql
as $$
    with tried as (
        update account.logon_code c
        set wrong_tries = c.wrong_tries + (c.mac <> p_mac)::integer,
            ended_at = case when c.mac = p_mac or c.wrong_tries + 1 >= p_max_tries then p_now end
        where c.domain_id = p_domain_id and c.code_id = p_code_id and c.type = p_type
            and c.identity_key = p_identity_key and c.ended_at is null and c.expires_at > p_now
        returning c.mac = p_mac as good, c.ended_at is not null as ended
    )
    select coalesce((select case when good then 'good' when ended then 'over' else 'wrong' end from tried), 'over')
$$;

-- Browsers in which a user is logged on. Rows go by whole days.
create table account.logon_session (
    domain_id text not null,
    -- UUIDv7.
    session_id uuid not null,
    -- SHA-256 of what the browser has beside the id.
    secret_hash bytea not null,
    user_id text not null,
    -- The type of the identity that was proven.
    method text not null,
    -- What the browser calls itself, for the user to know it by.
    browser text not null,
    proven_at timestamptz not null,
    expires_at timestamptz not null,
    -- Null: goes on.
    ended_at timestamptz,
    primary key (domain_id, session_id)
) partition by range (session_id);

create index logon_session_of_user on account.logon_session (domain_id, user_id, session_id);

-- What users have let apps have of them, so that they are not asked again.
create table account.consent (
    domain_id text not null,
    user_id text not null,
    client_id text not null,
    scopes text[] not null,
    given_at timestamptz not null,
    primary key (domain_id, user_id, client_id)
);

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
