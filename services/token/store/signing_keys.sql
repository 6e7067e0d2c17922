-- The domains' own keys. Each statement names its tenant; lookups by id alone go through `credential`.

-- name: insert_signing_key
insert into token.signing_key (
    domain_id, key_id, use, algorithm, state, public_key, private_key, created_at
) values ($1, $2, $3, $4, 'active', $5, $6, $7);

-- name: select_signing_keys
-- Of all domains: verifying a token begins with its key's id.
select k.domain_id, d.issuer, k.key_id, k.use, k.algorithm, k.state, k.public_key, k.private_key
from token.signing_key k
join token.domain d using (domain_id)
where k.state <> 'retired'
order by k.created_at desc, k.key_id;

-- name: select_signing_key_version
select coalesce(sum(version), 0)::bigint from token.signing_key;
