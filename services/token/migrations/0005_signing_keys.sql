-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

-- A signing key is published before it signs, and verifies until the last of what it signed has expired:
-- `next` verifies, `active` signs and verifies, `retiring` verifies, `retired` does neither and has lost its private
-- part. Both checks only become wider, and the table is small.
alter table token.signing_key
    -- squawk-ignore ban-drop-constraint
    drop constraint signing_key_state_check,
    -- squawk-ignore ban-drop-constraint
    drop constraint signing_key_algorithm_check,
    -- squawk-ignore constraint-missing-not-valid
    add constraint signing_key_state_check check (state in ('next', 'active', 'retiring', 'retired')),
    -- squawk-ignore constraint-missing-not-valid
    add constraint signing_key_algorithm_check check (algorithm in ('RS256', 'ES256', 'EdDSA', 'HS256')),
    -- Of a `next` key: from when it may sign. Of the others: since when it did. Absent: since it was made.
    add column activates_at timestamptz,
    -- Of a `retiring` key: until when it verifies.
    add column verify_until timestamptz,
    -- When it ceased to verify, and why, if that was before its time.
    add column retired_at timestamptz,
    add column revoked_at timestamptz,
    -- Which transaction wrote the row last: processes read what is new from snapshot to snapshot. `version` is for those
    -- of the previous release, which add it up.
    add column xid xid8 not null default pg_current_xact_id();

-- One key signs for a domain and use, and one waits to: whoever makes, or activates, a second one at once finds out here.
-- A table of a few rows a domain is indexed faster than `concurrently` could begin.
-- squawk-ignore require-concurrent-index-creation
create unique index signing_key_active on token.signing_key (domain_id, use) where state = 'active';
-- squawk-ignore require-concurrent-index-creation
create unique index signing_key_next on token.signing_key (domain_id, use) where state = 'next';
-- squawk-ignore require-concurrent-index-creation
create index signing_key_xid on token.signing_key (xid);

-- Work that one process of all does at a time, whichever. It is nobody's data: with `credential` it is what does not
-- begin with its tenant.
create table token.lease (
    name text primary key,
    -- Of the process that has it.
    holder uuid not null,
    expires_at timestamptz not null
);

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
