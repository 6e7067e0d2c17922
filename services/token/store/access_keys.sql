-- Access keys. Each statement names its tenant; lookups by id alone go through `credential`.

-- name: insert_access_key
insert into token.access_key (
    domain_id, access_key_id, secret, permissions, created_at, name, paths, networks, refuse_acs
)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: select_access_key
select domain_id, access_key_id, secret, permissions, enabled, paths, networks, refuse_acs from token.access_key
where domain_id = $1 and access_key_id = $2;

-- name: lock_access_key
select access_key_id from token.access_key where domain_id = $1 and access_key_id = $2 for no key update;

-- name: select_access_key_record
select access_key_id, name, permissions, enabled, paths, networks, refuse_acs, created_at, updated_at, version
from token.access_key
where domain_id = $1 and access_key_id = $2;

-- name: select_access_key_records
select access_key_id, name, permissions, enabled, paths, networks, refuse_acs, created_at, updated_at, version
from token.access_key
where domain_id = $1 and access_key_id > $2
order by access_key_id
limit $3;

-- name: update_access_key
update token.access_key set
    name = $4, permissions = $5, enabled = $6, paths = $7, networks = $8, refuse_acs = $9,
    version = version + 1, updated_at = $10
where domain_id = $1 and access_key_id = $2 and version = $3
returning updated_at, version;

-- name: delete_access_key
delete from token.access_key where domain_id = $1 and access_key_id = $2;
