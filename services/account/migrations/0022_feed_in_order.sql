-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- For a consumer of the feed who is far behind (services/runtime/feed).
-- squawk-ignore require-concurrent-index-creation
create index if not exists link_event_in_order on account.link_event (seq);

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
