-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- What was begun in browsers that are logged off is to end at token, too.
alter table account.outbox
    drop constraint outbox_kind_check,
    add constraint outbox_kind_check check (kind in ('end_sessions', 'end_browsers', 'erase')) not valid;
alter table account.outbox validate constraint outbox_kind_check;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
