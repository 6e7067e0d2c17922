-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- The user system by which the user was proven: while that lets nobody in, the browser is logged on nowhere. A text, since
-- those that a domain has because it made none are named by their type. Null: of the previous version.
alter table account.logon_session add column user_system_id text;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
