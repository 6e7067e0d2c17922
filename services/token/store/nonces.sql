-- Signed requests that were accepted. Each statement names its tenants.

-- Answers in each row how many are new. Where these are some and not all there is a row for each, else there is one, in
-- which no nonce stands.
-- name: insert_nonces
with new as (
    insert into token.nonce (domain_id, nonce_hash, day)
    select domain_id, nonce_hash, to_timestamp(midnight)
    from unnest($1::text[], $2::bytea[], $3::bigint[]) as wanted (domain_id, nonce_hash, midnight)
    on conflict do nothing
    returning domain_id, nonce_hash, extract(epoch from day)::bigint as midnight
)
select number, new.*
from (select count(*) as number from new) as counted
left join new on number < cardinality($1::text[]);
