-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- Of one user. As with sessions: a statement that names no user cannot use this index, which otherwise, while a partition
-- is empty or nearly so, is as good to the planner as the primary key; the plan that it keeps would read a whole domain
-- for a code. Of a partitioned table none can be made concurrently.
-- squawk-ignore require-concurrent-index-creation
create index authorization_code_of_user on token.authorization_code (domain_id, user_id) where user_id is not null;

-- squawk-ignore require-concurrent-index-deletion
drop index token.authorization_code_by_user;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
