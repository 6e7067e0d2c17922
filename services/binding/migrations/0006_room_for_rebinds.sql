-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- Most calls bind again what is bound, which changes `op` and `bound_at` alone. With room in its page, and no index that
-- holds either (0007, 0008), such a change writes to no index (docs/adr/0059).
alter table binding.binding set (fillfactor = 85);

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
