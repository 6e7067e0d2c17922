-- Projects and open accounts. Each statement names its domain.

-- name: select_open_account
-- By the primary key, as select_link.
-- $1 domain, $2 identity id
select domain_id, identity_id, project_id, idp, open_id, user_id, display_name, login_id, mobile, region,
       create_access_key, status, type
from account.open_account
where domain_id = $1 and identity_id between $2 and $2
order by identity_id;

-- name: insert_project
-- No row: there is one of this id.
-- $1 domain, $2 project, $3 name, $4 now
insert into account.project (domain_id, project_id, name, created_at)
values ($1, $2, $3, $4)
on conflict (domain_id, project_id) do nothing
returning project_id;

-- name: insert_open_account
-- No row: the project has this account. Its foreign key refuses a project that is not there.
-- $1 domain, $2 identity id, $3 project, $4 provider, $5 open id, $6 user, $7 display name, $8 login id, $9 mobile,
-- $10 region, $11 access key that makes it, $12 status, $13 type, $14 now
insert into account.open_account (domain_id, identity_id, project_id, idp, open_id, user_id, display_name, login_id,
                                  mobile, region, create_access_key, status, type, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
on conflict (domain_id, project_id, idp, open_id) do nothing
returning identity_id;
