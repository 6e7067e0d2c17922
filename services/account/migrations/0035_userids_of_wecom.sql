-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- A userid of WeCom is compared without case, as it is proven. Where links differ in nothing else, one that is written so
-- already, or the oldest, is the member's; nobody logs on by the others.
update account.link l
set identity_key = f.folded
from (
    select distinct on (k.domain_id, k.folded) k.domain_id, k.identity_key, k.folded
    from (
        select
            w.domain_id, w.identity_key, w.created_at,
            split_part(w.identity_key, ':', 1)
            || lower(substr(w.identity_key, strpos(w.identity_key || ':', ':')) collate "C") as folded
        from account.link w
        where w.type = 'wechat' and octet_length(split_part(w.identity_key, ':', 2)) = length(split_part(w.identity_key, ':', 2))
    ) as k
    order by k.domain_id, k.folded, k.identity_key = k.folded desc, k.created_at
) as f
where l.domain_id = f.domain_id and l.type = 'wechat' and l.identity_key = f.identity_key and f.folded <> f.identity_key;

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
