-- The domains' own keys. Each statement names its tenant; lookups by id alone go through `credential`.

-- name: lock_signing_keys
-- Of a domain, by its row: one change of its keys at a time.
select domain_id from token.domain where domain_id = $1 for no key update;

-- name: insert_signing_key
-- Nothing where the domain has one of that use and state already.
insert into token.signing_key (
    domain_id, key_id, use, algorithm, state, public_key, private_key, created_at, activates_at
) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
on conflict do nothing
returning key_id;

-- name: select_signing_keys
-- Of all domains: verifying a token begins with its key's id.
select
    pg_snapshot_xmin(pg_current_snapshot())::text as seen,
    k.domain_id, d.issuer, k.key_id, k.use, k.algorithm, k.state, k.public_key, k.private_key
from token.signing_key k
join token.domain d using (domain_id)
where k.state <> 'retired'
order by k.created_at desc, k.key_id;

-- name: select_changed_signing_keys
-- What was committed since $1, and perhaps some of what was known; one row of nulls where there is nothing. The upper
-- bound leaves out what came from another server with a dump.
select pg_snapshot_xmin(pg_current_snapshot())::text as seen, changed.*
from (select 1) as once
left join lateral (
    select k.domain_id, d.issuer, k.key_id, k.use, k.algorithm, k.state, k.public_key, k.private_key
    from token.signing_key k
    join token.domain d using (domain_id)
    where k.xid >= $1::text::xid8 and k.xid < pg_snapshot_xmax(pg_current_snapshot())
    order by k.created_at desc, k.key_id
) as changed on true;

-- name: select_signing_key_page
-- The newest first, after the key of $2 and $3 where those are given.
select
    key_id, use, algorithm, state, public_key, created_at, coalesce(activates_at, created_at) as activates_at,
    verify_until, retired_at, revoked_at
from token.signing_key
where domain_id = $1 and ($2::timestamptz is null or (created_at, key_id) < ($2, $3::text))
order by created_at desc, key_id desc
limit $4;

-- name: select_signing_key
select
    key_id, use, algorithm, state, public_key, created_at, coalesce(activates_at, created_at) as activates_at,
    verify_until, retired_at, revoked_at
from token.signing_key
where domain_id = $1 and key_id = $2;

-- name: select_signing_key_in
-- The one that signs for a use, or the one that is to.
select
    key_id, use, algorithm, state, public_key, created_at, coalesce(activates_at, created_at) as activates_at,
    verify_until, retired_at, revoked_at
from token.signing_key
where domain_id = $1 and use = $2 and state = $3;

-- name: retire_signing_key
-- From signing to verifying alone.
update token.signing_key
set state = 'retiring', verify_until = $3, version = version + 1, xid = pg_current_xact_id()
where domain_id = $1 and key_id = $2 and state = 'active';

-- name: activate_signing_key
update token.signing_key
set state = 'active', activates_at = $3, version = version + 1, xid = pg_current_xact_id()
where domain_id = $1 and key_id = $2 and state = 'next';

-- name: end_signing_key
-- What cannot be used must not be stolen: the private part goes with the last of its uses.
update token.signing_key
set
    state = 'retired', private_key = '', retired_at = $3, revoked_at = case when $4 then $3::timestamptz end,
    version = version + 1, xid = pg_current_xact_id()
where domain_id = $1 and key_id = $2 and state <> 'retired'
returning key_id;

-- name: select_due_signing_keys
-- Of all domains, what is to be done by $1: keys that sign long enough for a successor to be published ($2 ahead), keys
-- that may begin to sign, keys whose last token has expired. At most $3, the longest overdue first.
select domain_id, key_id, use, state
from (
    select
        k.domain_id, k.key_id, k.use, k.state,
        case k.state
            when 'active' then coalesce(k.activates_at, k.created_at) + d.rotation_period - $2::interval
            when 'next' then k.activates_at
            else k.verify_until
        end as due_at
    from token.signing_key k
    join token.domain d using (domain_id)
    where k.state <> 'retired'
        and not (
            k.state = 'active'
            and exists (
                select from token.signing_key n
                where n.domain_id = k.domain_id and n.use = k.use and n.state = 'next'
            )
        )
) as living
where due_at <= $1
order by due_at, domain_id, key_id
limit $3;
