-- The services' roles, database and schemas. Run by psql as a superuser, once or again:
-- by the stack without containers at every start, by the image of Postgres in compose.yaml when its volume is empty, and
-- by an operator on any other Postgres.
--
-- Where TESSERA_SECRETS names a folder, as `python -m deploy.secrets` makes it, each role gets the password that stands
-- there; else none, and Postgres has to know its callers by other means.
select format('create role %I login', name)
from unnest(array['token', 'account', 'binding']) as name
where not exists (select from pg_roles where rolname = name) \gexec

\getenv secrets TESSERA_SECRETS
\if :{?secrets}
  \set token_password `cat :secrets/token_password`
  \set account_password `cat :secrets/account_password`
  \set binding_password `cat :secrets/binding_password`
  alter role token password :'token_password';
  alter role account password :'account_password';
  alter role binding password :'binding_password';
\endif

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
