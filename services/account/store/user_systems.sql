-- User systems of domains. Each statement names its domain.

-- name: lock_user_systems
-- Until the transaction ends, nobody else makes or takes away one of the domain's: how many there are can be counted.
-- $1 domain
select pg_advisory_xact_lock(hashtextextended($1 || '/user_systems', 0));

-- name: count_user_systems
select count(*) from account.user_system where domain_id = $1;

-- name: insert_user_system
-- No row: the domain has one of this type and, of type `custom`, issuer.
-- $1 domain, $2 id, $3 type, $4 display name, $5 enabled, $6 links only, $7 private addresses, $8 settings,
-- $9 sealed secret (null: none), $10 now, $11 the call
insert into account.user_system (domain_id, user_system_id, type, display_name, enabled, link_only, private_addresses,
                                 settings, secret, created_at, made_by)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
on conflict do nothing
returning user_system_id;

-- name: select_user_system_made_by
-- $1 domain, $2 the call
select domain_id, user_system_id, type, display_name, enabled, link_only, private_addresses, settings, secret,
       created_at, updated_at, version
from account.user_system
where domain_id = $1 and made_by = $2;

-- name: select_user_system
select domain_id, user_system_id, type, display_name, enabled, link_only, private_addresses, settings, secret,
       created_at, updated_at, version
from account.user_system
where domain_id = $1 and user_system_id = $2;

-- name: select_user_systems
-- $1 domain, $2 id that they come after, $3 how many
select domain_id, user_system_id, type, display_name, enabled, link_only, private_addresses, settings, secret,
       created_at, updated_at, version
from account.user_system
where domain_id = $1 and user_system_id > $2
order by user_system_id
limit $3;

-- name: select_logon_systems
-- A row for each user system, with the settings of the domain in each; one row where it has either of both alone, none
-- where it has neither.
-- $1 domain
select
    u.domain_id, u.user_system_id, u.type, u.display_name, u.enabled, u.link_only, u.private_addresses, u.settings,
    u.secret, u.created_at, u.updated_at, u.version,
    s.keep_last_identity as settings_keep_last_identity, s.codes_per_hour as settings_codes_per_hour,
    s.first_logon as settings_first_logon, s.page_name as settings_page_name, s.page_logo_url as settings_page_logo_url,
    s.page_accent_color as settings_page_accent_color, s.updated_at as settings_updated_at,
    s.version as settings_version
from (select * from account.user_system where domain_id = $1) u
full join (select * from account.domain_settings where domain_id = $1) s on s.domain_id = u.domain_id
order by u.user_system_id;

-- name: update_user_system
-- No row: it is gone, or not of that version any more.
-- $1 domain, $2 id, $3 version, $4 display name, $5 enabled, $6 links only, $7 private addresses, $8 settings,
-- $9 whether the secret changes, $10 sealed secret (null: none), $11 now
update account.user_system
set display_name = $4, enabled = $5, link_only = $6, private_addresses = $7, settings = $8,
    secret = case when $9 then $10 else secret end, updated_at = $11, version = version + 1
where domain_id = $1 and user_system_id = $2 and version = $3
returning domain_id, user_system_id, type, display_name, enabled, link_only, private_addresses, settings, secret,
          created_at, updated_at, version;

-- name: delete_user_system
-- No row: it is gone, or not of that version any more.
-- $1 domain, $2 id, $3 version (null: whichever)
delete from account.user_system
where domain_id = $1 and user_system_id = $2 and ($3::bigint is null or version = $3)
returning user_system_id;
