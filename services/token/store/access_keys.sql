-- Access keys. Each statement names its tenant; lookups by id alone go through `credential`.

-- name: insert_access_key
insert into token.access_key (domain_id, access_key_id, secret, permissions, created_at) values ($1, $2, $3, $4, $5);
