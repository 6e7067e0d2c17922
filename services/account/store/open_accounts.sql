-- Open accounts. Each statement names its domain. `every_open_account` has the rows and, beside them, the links of type
-- custom that a provider takes.

-- name: select_open_account
-- By the primary key, as select_link.
-- $1 domain, $2 identity id
select domain_id, identity_id, project_id, idp, open_id, user_id, display_name, login_id, mobile, region,
       create_access_key, status, type, version, identity_key
from account.every_open_account
where domain_id = $1 and identity_id between $2 and $2
order by identity_id;

-- name: select_open_account_of_provider
-- Rows by their name, links by their identity: each by its index.
-- $1 domain, $2 project, $3 provider, $4 open id
select domain_id, identity_id, project_id, idp, open_id, user_id, display_name, login_id, mobile, region,
       create_access_key, status, type, version, '' as identity_key
from account.open_account
where domain_id = $1 and project_id = $2 and idp = $3 and open_id = $4
union all
select domain_id, identity_id, project_id, idp, open_id, user_id, display_name, login_id, mobile, region,
       create_access_key, status, type, version, identity_key
from account.every_open_account
where domain_id = $1 and project_id = $2 and idp = $3 and identity_key = $3 || ':' || $4;

-- name: select_open_accounts
-- Rows, and the links of each provider, from their indexes in the order of ids, and no more of each than can be shown:
-- through the view, all of a domain would be read and sorted.
-- $1 domain, $2 project (empty: every one), $3 id that they come after, $4 how many to pass over, $5 how many
(
    select domain_id, identity_id, project_id, idp, open_id, user_id, display_name, login_id, mobile, region,
           create_access_key, status, type, version, '' as identity_key
    from account.open_account
    where domain_id = $1 and ($2 = '' or project_id = $2) and identity_id > $3
    order by identity_id
    limit $4::bigint + $5::bigint
)
union all
select l.*
from account.provider p
cross join lateral (
    select e.domain_id, account.open_account_id(e.domain_id, e.identity_key), p.project_id, p.idp,
           substr(e.identity_key, length(p.idp) + 2), e.user_id, '', '', '', '', coalesce(e.create_access_key, ''),
           0::bigint, 1::bigint, 0::bigint, e.identity_key
    from account.link e
    where e.domain_id = $1 and e.type = 'custom' and split_part(e.identity_key, ':', 1) = p.idp
        and account.open_account_id(e.domain_id, e.identity_key) > $3
        and length(e.identity_key) > length(p.idp) + 1
        and not exists (
            select from account.open_account o
            where o.domain_id = $1 and o.project_id = p.project_id and o.idp = p.idp
                and o.open_id = substr(e.identity_key, length(p.idp) + 2)
        )
    order by account.open_account_id(e.domain_id, e.identity_key)
    limit $4::bigint + $5::bigint
) l
where p.domain_id = $1 and p.takes_links and ($2 = '' or p.project_id = $2)
order by identity_id
offset $4::bigint limit $5::bigint;

-- name: select_open_accounts_of_person
-- $1 domain, $2 user, $3 id that they come after, $4 how many
select domain_id, identity_id, project_id, idp, open_id, user_id, display_name, login_id, mobile, region,
       create_access_key, status, type, version, identity_key
from account.every_open_account
where domain_id = $1 and user_id = $2 and user_id <> '' and identity_id > $3
order by identity_id
limit $4;

-- name: insert_open_account
-- No id: the project has this account, as a row or as a link; or the user is gone. Its foreign key refuses a project that
-- is not there.
-- $1 domain, $2 identity id, $3 project, $4 provider, $5 open id, $6 user, $7 display name, $8 login id, $9 mobile,
-- $10 region, $11 access key that makes it, $12 status, $13 type, $14 now, $15 the call
with held as materialized (
    select account.hold_user(p_domain_id => $1::text, p_user_id => $6::text) as is_there
), made as (
    insert into account.open_account (domain_id, identity_id, project_id, idp, open_id, user_id, display_name, login_id,
                                      mobile, region, create_access_key, status, type, created_at, made_by)
    select $1::text, $2::uuid, $3::text, $4::text, $5::text, $6::text, $7, $8, $9, $10, $11, $12::bigint, $13::bigint,
           $14::timestamptz, $15::bytea
    from held
    where held.is_there and not exists (
        select from account.every_open_account
        where domain_id = $1 and project_id = $3 and idp = $4 and identity_key = $4 || ':' || $5
    )
    on conflict (domain_id, project_id, idp, open_id) do nothing
    returning identity_id
)
select held.is_there, made.identity_id from held left join made on true;

-- name: select_open_account_made_by
-- $1 domain, $2 project, $3 provider, $4 open id, $5 the call
select identity_id from account.open_account
where domain_id = $1 and project_id = $2 and idp = $3 and open_id = $4 and made_by = $5;

-- name: update_open_account
-- No version: it is gone, or not of that version any more; or the user is gone.
-- $1 domain, $2 identity id, $3 version, $4 user, $5 display name, $6 login id, $7 mobile, $8 region, $9 status, $10 now
with held as materialized (
    select account.hold_user(p_domain_id => $1::text, p_user_id => $4::text) as is_there
), changed as (
    update account.open_account a
    set user_id = $4::text, display_name = $5, login_id = $6, mobile = $7, region = $8, status = $9, updated_at = $10,
        version = a.version + 1
    from held
    where held.is_there and a.domain_id = $1 and a.identity_id = $2 and a.version = $3
    returning a.version
)
select held.is_there, changed.version from held left join changed on true;

-- name: delete_open_account
-- No row: it is gone, or not of that version any more.
-- $1 domain, $2 identity id, $3 version (null: whichever)
delete from account.open_account
where domain_id = $1 and identity_id = $2 and ($3::bigint is null or version = $3)
returning identity_id;
