-- Signed requests that were accepted. Each statement names its tenants.

-- name: insert_nonces
insert into token.nonce (domain_id, nonce_hash, day)
select * from unnest($1::text[], $2::bytea[], $3::timestamptz[])
on conflict do nothing
returning domain_id, nonce_hash, day;
