-- migrate:up

set local lock_timeout = '2s';
set local statement_timeout = '60s';

alter table account.project
    add column updated_at timestamptz,
    add column version bigint not null default 1,
    -- The call that made it, where that brought a request id: the id, and SHA-256 of caller and content.
    add column made_by bytea;

alter table account.open_account
    add column updated_at timestamptz,
    add column version bigint not null default 1,
    add column made_by bytea;

-- Identity providers of projects, by the name that callers say in `Idp`.
create table account.provider (
    domain_id text not null,
    project_id text not null,
    idp text not null,
    issuer text not null,
    audiences text[] not null,
    algorithms text[] not null,
    -- Where its keys are: here, else at the URL, else where the issuer's metadata says.
    jwks text not null default '',
    jwks_uri text not null default '',
    -- Whether it may be asked in a network of ours.
    private_addresses boolean not null default false,
    -- Whether links of type custom, identity `{idp}:{open_id}`, are open accounts of the project.
    takes_links boolean not null default false,
    created_at timestamptz not null,
    updated_at timestamptz,
    version bigint not null default 1,
    made_by bytea,
    primary key (domain_id, project_id, idp),
    foreign key (domain_id, project_id) references account.project (domain_id, project_id)
);

-- A link belongs to one project.
create unique index provider_of_links on account.provider (domain_id, idp) where takes_links;

-- Id of the open account that a link of type custom is: computed, so that nothing has to be written beside the link. A
-- UUID of version 8 (RFC 9562 section 5.8). Immutable, since the encoding is named.
create function account.open_account_id(p_domain_id text, p_identity_key text) returns uuid
language sql
immutable
parallel safe
as $$
    select left(overlay(overlay(
        encode(sha256(convert_to(p_domain_id || chr(10) || p_identity_key, 'UTF8')), 'hex')
        placing '8' from 13) placing '8' from 17), 32)::uuid
$$;

-- Every open account: the rows, and the links of type custom that a provider takes. A row hides a link of the same name.
create view account.every_open_account as
select
    o.domain_id, o.identity_id, o.project_id, o.idp, o.open_id, o.user_id, o.display_name, o.login_id, o.mobile,
    o.region, o.create_access_key, o.status, o.type, o.version, '' as identity_key
from account.open_account o
union all
select
    l.domain_id, account.open_account_id(l.domain_id, l.identity_key), p.project_id, p.idp,
    substr(l.identity_key, length(p.idp) + 2), l.user_id, '', '', '', '', '', 0, 1, 0, l.identity_key
from account.link l
join account.provider p
    on p.domain_id = l.domain_id and p.idp = split_part(l.identity_key, ':', 1) and p.takes_links
where
    l.type = 'custom'
    and length(l.identity_key) > length(p.idp) + 1
    and not exists (
        select from account.open_account o
        where
            o.domain_id = l.domain_id and o.project_id = p.project_id and o.idp = p.idp
            and o.open_id = substr(l.identity_key, length(p.idp) + 2)
    );

-- migrate:down
-- Forward only: what was released is never taken back, a later migration changes it.
