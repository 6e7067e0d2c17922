-- Domains and whose an id is. Each statement names its tenant; lookups by id alone go through `credential`.

-- name: lock_domains
-- Lets one bootstrap at a time find out whether it is the first.
lock table token.domain in exclusive mode;

-- name: select_any_domain
select domain_id from token.domain limit 1;

-- name: insert_domain
insert into token.domain (domain_id, issuer, scopes, created_at, name) values ($1, $2, $3, $4, $5)
on conflict do nothing
returning domain_id;

-- name: select_domain
select
    domain_id, issuer, scopes, impersonate_superadmins, algorithm, rotation_period, audit_retention, grants_per_second,
    max_users, max_apps, name
from token.domain
where domain_id = $1;

-- name: lock_domain
-- One transaction at a time gets beyond it; those that only read the domain do not wait.
select domain_id from token.domain where domain_id = $1 for no key update;

-- name: select_domain_record
select
    domain_id, issuer, scopes, impersonate_superadmins, algorithm, rotation_period, audit_retention, grants_per_second,
    max_users, max_apps, name, created_at, updated_at, version
from token.domain
where domain_id = $1;

-- name: select_domain_records
-- Of all tenants, for who may see them all.
select
    domain_id, issuer, scopes, impersonate_superadmins, algorithm, rotation_period, audit_retention, grants_per_second,
    max_users, max_apps, name, created_at, updated_at, version
from token.domain
where domain_id > $1
order by domain_id
limit $2;

-- name: update_domain
update token.domain set
    name = $3, scopes = $4, impersonate_superadmins = $5, algorithm = $6, rotation_period = $7, audit_retention = $8,
    grants_per_second = $9, max_users = $10, max_apps = $11, version = version + 1, updated_at = $12
where domain_id = $1 and version = $2
returning updated_at, version;

-- name: insert_issuer
insert into token.credential (id, domain_id, kind) values ($1, $2, 'issuer')
on conflict do nothing
returning id;

-- name: insert_credential
insert into token.credential (id, domain_id, kind) values ($1, $2, $3);

-- name: select_credential
select domain_id, kind from token.credential where id = $1;
