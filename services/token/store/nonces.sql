-- Signed requests that were accepted. Each statement names its tenant.

-- name: insert_nonce
insert into token.nonce (domain_id, nonce_hash, day)
select $1, $2, signed.day from unnest($3::timestamptz[]) as signed (day)
on conflict do nothing
returning day;
