-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- For a consumer of a feed who is far behind (services/runtime/feed).
-- squawk-ignore require-concurrent-index-creation
create index if not exists revocation_in_order on token.revocation (seq);
-- squawk-ignore require-concurrent-index-creation
create index if not exists user_event_in_order on token.user_event (seq);

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
