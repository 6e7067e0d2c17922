-- Domains and whose an id is. Each statement names its tenant; lookups by id alone go through `credential`.

-- name: lock_domains
-- Lets one bootstrap at a time find out whether it is the first.
lock table token.domain in exclusive mode;

-- name: select_any_domain
select domain_id from token.domain limit 1;

-- name: insert_domain
insert into token.domain (domain_id, issuer, scopes, created_at) values ($1, $2, $3, $4);

-- name: select_domain
select
    domain_id, issuer, scopes, impersonate_superadmins, algorithm, rotation_period, audit_retention, grants_per_second,
    max_users, max_apps
from token.domain
where domain_id = $1;

-- name: insert_credential
insert into token.credential (id, domain_id, kind) values ($1, $2, $3);

-- name: select_credential
select domain_id, kind from token.credential where id = $1;
