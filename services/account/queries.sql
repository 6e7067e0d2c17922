-- Every statement of the account service. Each names its domain.

-- name: insert_link
-- One statement, so that of many callers who link one identity exactly one becomes its owner. A link of the same user
-- is written again unchanged, to be found by the statement that waited for it; another user's is not touched, and no
-- row comes back.
-- $1 domain, $2 type, $3 key, $4 identity as given, $5 extra, $6 user, $7 now
insert into account.link (domain_id, type, identity_key, identity, extra, user_id, created_at)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (domain_id, type, identity_key) do update set user_id = excluded.user_id
where link.user_id = excluded.user_id
returning user_id;

-- name: delete_link
-- The user is part of the condition: nobody unlinks what became another's meanwhile.
-- $1 domain, $2 type, $3 key, $4 user
delete from account.link
where domain_id = $1 and type = $2 and identity_key = $3 and user_id = $4;

-- name: select_link
-- $1 domain, $2 type, $3 key
select domain_id, type, identity, extra, user_id, display_name, created_at, last_login_at, status
from account.link
where domain_id = $1 and type = $2 and identity_key = $3;

-- name: select_links_of_user
-- The oldest first; type and key decide where several were made in one instant.
-- $1 domain, $2 user
select domain_id, type, identity, extra, user_id, display_name, created_at, last_login_at, status
from account.link
where domain_id = $1 and user_id = $2
order by created_at, type, identity_key;

-- name: select_open_account
-- $1 domain, $2 identity id
select domain_id, identity_id, project_id, idp, open_id, user_id, display_name, login_id, mobile, region,
       create_access_key, status, type
from account.open_account
where domain_id = $1 and identity_id = $2;

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
