-- Settings of domains. Each statement names its domain.

-- name: select_domain_settings
select keep_last_identity, codes_per_hour, first_logon, page_name, page_logo_url, page_accent_color, updated_at, version
from account.domain_settings
where domain_id = $1;

-- name: write_domain_settings
-- No row where the settings are not of version $5 any more.
-- $1 domain, $2 keep the last identity, $3 codes an hour, $4 now, $5 the version that is changed; 0: there are none yet,
-- $6 what becomes of a first logon, $7 name, $8 logo, $9 colour of the pages
insert into account.domain_settings as s (domain_id, keep_last_identity, codes_per_hour, updated_at, version, first_logon,
                                          page_name, page_logo_url, page_accent_color)
select $1::text, $2::boolean, $3::bigint, $4::timestamptz, 1, $6::text, $7::text, $8::text, $9::text
where $5::bigint = 0 or exists (select from account.domain_settings e where e.domain_id = $1)
on conflict (domain_id) do update set
    keep_last_identity = excluded.keep_last_identity, codes_per_hour = excluded.codes_per_hour,
    updated_at = excluded.updated_at, version = s.version + 1, first_logon = excluded.first_logon,
    page_name = excluded.page_name, page_logo_url = excluded.page_logo_url,
    page_accent_color = excluded.page_accent_color
where s.version = $5
returning keep_last_identity, codes_per_hour, first_logon, page_name, page_logo_url, page_accent_color, updated_at,
          version;
