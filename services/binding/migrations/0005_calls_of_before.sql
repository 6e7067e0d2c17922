-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- What processes of the release before call while they still run makes the same changes by the same function, and is told
-- by the feed. Their locks are the same, so that calls which are under way now are waited for.

create function binding.apply_one(
    p_kind text, p_access_id bigint, p_cap integer, p_now timestamptz, p_tokens text [], p_types integer [],
    p_accounts text []
) returns void
language sql as $$
    select binding.apply(
        true, p_now, array[p_access_id], array[uuidv7()], array[p_kind], array[p_cap],
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
