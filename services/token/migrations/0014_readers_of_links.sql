-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- Nobody gives what he does not have: operators may make services that read links and follow them.
update token.app set permissions = permissions || array['account.link.read', 'account.link.watch']
where type = 'service' and 'token.admin' = any (permissions);

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
