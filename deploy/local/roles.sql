-- The services' roles, database and schemas. Run at every start by psql, as the superuser, so it may be run twice.
select format('create role %I login', name)
from unnest(array['token', 'account', 'binding']) as name
where not exists (select from pg_roles where rolname = name) \gexec

select 'create database tessera'
where not exists (select from pg_database where datname = 'tessera') \gexec

-- Who is not named below may not even connect.
revoke all on database tessera from public;
revoke all on database postgres, template1 from public;
grant connect on database tessera to token, account, binding;

\connect tessera

revoke all on schema public from public;
create schema if not exists token authorization token;
create schema if not exists account authorization account;
create schema if not exists binding authorization binding;
