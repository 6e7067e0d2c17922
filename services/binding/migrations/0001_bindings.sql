-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- Orders the bindings of an account, the newest last. Drawn while the account's lock is held, hence in the order of the
-- commits; a time would be taken before the wait for the lock, and could make the newest binding the oldest.
create sequence binding.op as bigint;

-- Device tokens bound to accounts. The primary key holds what matters most: a token has one account of a type.
create table binding.binding (
    access_id bigint not null,
    token text collate "C" not null,
    -- At most 65535, for which four bytes do.
    -- squawk-ignore prefer-bigint-over-int
    account_type integer not null check (account_type between 0 and 65535),
    account text collate "C" not null,
    op bigint not null,
    -- For display alone.
    bound_at timestamptz not null,
    primary key (access_id, token, account_type)
);

-- The condition always holds. It keeps the planner from this index wherever a statement does not ask for it: on a table
-- that was nearly empty when a plan was made, reading all of a push app by it looks as cheap as a lookup of a token.
create index binding_of_account on binding.binding (access_id, account_type, account, op) where op > 0;

-- migrate:down
-- Forward only.
