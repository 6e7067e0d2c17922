-- Projects and their identity providers. Each statement names its domain.

-- name: insert_project
-- No row: there is one of this id.
-- $1 domain, $2 project, $3 name, $4 now, $5 the call
insert into account.project (domain_id, project_id, name, created_at, made_by)
values ($1, $2, $3, $4, $5)
on conflict (domain_id, project_id) do nothing
returning project_id;

-- name: select_project_made_by
-- $1 domain, $2 project, $3 the call
select project_id from account.project where domain_id = $1 and project_id = $2 and made_by = $3;

-- name: select_project
select domain_id, project_id, name, created_at, updated_at, version from account.project
where domain_id = $1 and project_id = $2;

-- name: select_projects
-- $1 domain, $2 id that they come after, $3 how many
select domain_id, project_id, name, created_at, updated_at, version from account.project
where domain_id = $1 and project_id > $2
order by project_id
limit $3;

-- name: update_project
-- No row: it is gone, or not of that version any more.
-- $1 domain, $2 project, $3 version, $4 name, $5 now
update account.project set name = $4, updated_at = $5, version = version + 1
where domain_id = $1 and project_id = $2 and version = $3
returning domain_id, project_id, name, created_at, updated_at, version;

-- name: delete_project
-- No row: it is gone, or not of that version any more. Foreign keys refuse one that has something.
-- $1 domain, $2 project, $3 version (null: whichever)
delete from account.project
where domain_id = $1 and project_id = $2 and ($3::bigint is null or version = $3)
returning project_id;

-- name: insert_provider
-- No row: the project has one of this name.
-- $1 domain, $2 project, $3 name, $4 issuer, $5 audiences, $6 algorithms, $7 keys, $8 URL of keys, $9 private addresses,
-- $10 takes links, $11 now, $12 the call
insert into account.provider (domain_id, project_id, idp, issuer, audiences, algorithms, jwks, jwks_uri,
                              private_addresses, takes_links, created_at, made_by)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
on conflict (domain_id, project_id, idp) do nothing
returning idp;

-- name: select_provider_made_by
-- $1 domain, $2 project, $3 name, $4 the call
select idp from account.provider where domain_id = $1 and project_id = $2 and idp = $3 and made_by = $4;

-- name: select_provider
select domain_id, project_id, idp, issuer, audiences, algorithms, jwks, jwks_uri, private_addresses, takes_links,
       created_at, updated_at, version
from account.provider
where domain_id = $1 and project_id = $2 and idp = $3;

-- name: select_providers_of_name
-- Two tell that the name does not say which.
-- $1 domain, $2 name
select domain_id, project_id, idp, issuer, audiences, algorithms, jwks, jwks_uri, private_addresses, takes_links,
       created_at, updated_at, version
from account.provider
where domain_id = $1 and idp = $2
limit 2;

-- name: select_providers
-- $1 domain, $2 project, $3 name that they come after, $4 how many
select domain_id, project_id, idp, issuer, audiences, algorithms, jwks, jwks_uri, private_addresses, takes_links,
       created_at, updated_at, version
from account.provider
where domain_id = $1 and project_id = $2 and idp > $3
order by idp
limit $4;

-- name: update_provider
-- No row: it is gone, or not of that version any more.
-- $1 domain, $2 project, $3 name, $4 version, $5 issuer, $6 audiences, $7 algorithms, $8 keys, $9 URL of keys,
-- $10 private addresses, $11 takes links, $12 now
update account.provider
set issuer = $5, audiences = $6, algorithms = $7, jwks = $8, jwks_uri = $9, private_addresses = $10, takes_links = $11,
    updated_at = $12, version = version + 1
where domain_id = $1 and project_id = $2 and idp = $3 and version = $4
returning domain_id, project_id, idp, issuer, audiences, algorithms, jwks, jwks_uri, private_addresses, takes_links,
          created_at, updated_at, version;

-- name: delete_provider
-- No row: it is gone, or not of that version any more.
-- $1 domain, $2 project, $3 name, $4 version (null: whichever)
delete from account.provider
where domain_id = $1 and project_id = $2 and idp = $3 and ($4::bigint is null or version = $4)
returning idp;
