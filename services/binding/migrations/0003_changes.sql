-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- Drawn while the locks of token and account are held: of each of them, changes are told in the order of their commits.
create sequence binding.change_seq as bigint;

-- What became of bindings: a feed (services/runtime/feed).
create table binding.change (
    access_id bigint not null,
    -- UUIDv7 of the call that did it. A call that came in parts, or by a request id again, has one.
    operation_id uuid not null,
    seq bigint not null default nextval('binding.change_seq'),
    xid xid8 not null default pg_current_xact_id(),
    -- `evicted`: beyond the cap of an account, or of a token.
    kind text not null check (kind in ('bound', 'unbound', 'evicted')),
    token text collate "C" not null,
    -- At most 65535, for which four bytes do.
    -- squawk-ignore prefer-bigint-over-int
    account_type integer not null,
    account text collate "C" not null,
    primary key (access_id, operation_id, seq)
) partition by range (operation_id);

create index change_xid on binding.change (xid);
create index change_in_order on binding.change (seq);

-- Calls that may be made again: what they came to, by an id that the caller made up (docs/adr/0050).
create table binding.request (
    access_id bigint not null,
    -- UUIDv7 of the caller.
    request_id uuid not null,
    -- SHA-256 of all else that was asked.
    digest bytea not null,
    operation_id uuid not null,
    -- How much of the change is done, in rows of it, from the first on.
    -- squawk-ignore prefer-bigint-over-int
    done integer not null,
    -- What was answered, or will be when all is done: the vendor's code of each entry.
    result text [] not null,
    primary key (access_id, request_id)
) partition by range (request_id);

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
