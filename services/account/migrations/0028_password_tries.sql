-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- Passwords that were typed and were wrong, or are being looked at. Rows go by whole days.
create table account.password_try (
    domain_id text not null,
    -- UUIDv7.
    try_id uuid not null,
    user_system_id text not null,
    -- As directories compare names: without case, and with single blanks.
    name_key text not null,
    -- Who typed it: an address of IPv4, a network of IPv6.
    address text not null,
    primary key (domain_id, try_id)
) partition by range (try_id);

create index password_try_of_name on account.password_try (domain_id, user_system_id, name_key, try_id);
create index password_try_of_address on account.password_try (domain_id, address, try_id);

-- Writes down that a password is about to be looked at. Verdicts: `begun`; or the limit that is reached: `name`,
-- `address`. p_since is the smallest id of the time that is looked at. One call for a name, and one of an address, at a
-- time counts and writes.
create function account.begin_password_try(
    p_domain_id text,
    p_try_id uuid,
    p_user_system_id text,
    p_name_key text,
    p_address text,
    p_since uuid,
    p_per_name integer,
    p_per_address integer
) returns text
language plpgsql
as $$
declare
    tried bigint;
begin
    -- Always in this order: nobody waits for who waits for him.
    perform pg_advisory_xact_lock(
        hashtextextended(concat_ws('/', 'password of', p_domain_id, p_user_system_id, p_name_key), 0)
    );
    perform pg_advisory_xact_lock(hashtextextended(concat_ws('/', 'passwords from', p_domain_id, p_address), 0));
    select count(*) into tried from account.password_try t
    where t.domain_id = p_domain_id and t.user_system_id = p_user_system_id and t.name_key = p_name_key
        and t.try_id >= p_since;
    if tried >= p_per_name then
        return 'name';
    end if;
    select count(*) into tried from account.password_try t
    where t.domain_id = p_domain_id and t.address = p_address and t.try_id >= p_since;
    if tried >= p_per_address then
        return 'address';
    end if;
    insert into account.password_try (domain_id, try_id, user_system_id, name_key, address)
    values (p_domain_id, p_try_id, p_user_system_id, p_name_key, p_address);
    return 'begun';
end
$$;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
