-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- What processes of the release before call while they still run makes the same changes by the same function, and is told
-- by the feed. Their locks are the same, so that calls which are under way now are waited for.

-- They make no partitions of what they write to thereby. These are named and bounded as `Partitions` does it, and last until
-- processes of this version are there, within a week.
do $$
declare
    part record;
begin
    for part in
        with days as (
            select (clock_timestamp() at time zone 'UTC')::date + n as day from generate_series(0, 8) as n
        )
        select
            format('change_%s', to_char(d.day, 'YYYYMMDD')) as child,
            -- The lowest UUIDv7 of the day: its milliseconds, and nothing.
            rpad(lpad(to_hex((d.day - date '1970-01-01') * 86400000::bigint), 12, '0'), 32, '0') as lowest,
            rpad(lpad(to_hex((d.day + 1 - date '1970-01-01') * 86400000::bigint), 12, '0'), 32, '0') as beyond
        from days as d
    loop
        execute format(
            'create table binding.%I partition of binding.change for values from (%L) to (%L)',
            part.child, part.lowest, part.beyond
        );
    end loop;
end
$$;

-- An operation of now: UUIDv7, which Postgres makes by itself from version 18 on alone.
create function binding.operation_of_now() returns uuid
language sql as $$
    select (
        lpad(to_hex((extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0')
        || '7' || substr(replace(gen_random_uuid()::text, '-', ''), 14)
    )::uuid
$$;

create function binding.apply_one(
    p_kind text, p_access_id bigint, p_cap integer, p_now timestamptz, p_tokens text [], p_types integer [],
    p_accounts text []
) returns void
language sql as $$
    select binding.apply(
        true, p_now, array[p_access_id], array[binding.operation_of_now()], array[p_kind], array[p_cap],
        array_fill(1, array[greatest(cardinality(p_tokens), cardinality(p_accounts))]), p_tokens, p_types, p_accounts
    )
$$;

create or replace function binding.overwrite_accounts(
    p_access_id bigint, p_cap integer, p_now timestamptz, p_tokens text [], p_types integer [], p_accounts text []
) returns void
language sql as $$
    select binding.apply_one('replace', p_access_id, p_cap, p_now, p_tokens, p_types, p_accounts)
$$;

create or replace function binding.add_accounts(
    p_access_id bigint, p_cap integer, p_now timestamptz, p_tokens text [], p_types integer [], p_accounts text []
) returns void
language sql as $$
    select binding.apply_one('add', p_access_id, p_cap, p_now, p_tokens, p_types, p_accounts)
$$;

create or replace function binding.unbind_accounts(
    p_access_id bigint, p_tokens text [], p_types integer [], p_accounts text []
) returns void
language sql as $$
    select binding.apply_one('unbind', p_access_id, 1, now(), p_tokens, p_types, p_accounts)
$$;

create or replace function binding.clear_tokens(p_access_id bigint, p_tokens text []) returns void
language sql as $$
    select binding.apply_one('unbind', p_access_id, 1, now(), p_tokens, '{}', '{}')
$$;

create or replace function binding.clear_accounts(p_access_id bigint, p_types integer [], p_accounts text [])
returns void
language sql as $$
    select binding.apply_one('unbind', p_access_id, 1, now(), '{}', p_types, p_accounts)
$$;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
