"""Settings of domains."""

from datetime import datetime
from pathlib import Path

import asyncpg

from services.account.model.domain_settings import DomainSettings, FirstLogon, LogonPage
from services.runtime.section import Section
from services.runtime.sql import load_queries

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class OfDomains(Section):
    """Settings of domains."""

    async def select_domain_settings(self, domain_id: str) -> DomainSettings:
        """The settings of a domain: the defaults where it never set any."""
        row = await self._database.fetchrow(_SQL["select_domain_settings"], domain_id)
        return domain_settings(row) if row else DomainSettings()

    async def write_domain_settings(
        self, domain_id: str, changed: DomainSettings, now: datetime
    ) -> DomainSettings | None:
        """Change settings of the version that `changed` bears; `None` where they are not of that version any more."""
        row = await self._database.fetchrow(
            _SQL["write_domain_settings"],
            domain_id,
            changed.keep_last_identity,
            changed.codes_per_hour,
            now,
            changed.version,
            changed.first_logon,
            changed.page.display_name,
            changed.page.logo_url,
            changed.page.accent_color,
        )
        return domain_settings(row) if row else None


def domain_settings(row: asyncpg.Record, prefix: str = "") -> DomainSettings:
    """The settings in a row that has their columns, each by its name behind a prefix."""
    return DomainSettings(
        keep_last_identity=row[prefix + "keep_last_identity"],
        codes_per_hour=row[prefix + "codes_per_hour"],
        first_logon=FirstLogon(row[prefix + "first_logon"]),
        page=LogonPage(row[prefix + "page_name"], row[prefix + "page_logo_url"], row[prefix + "page_accent_color"]),
        updated_at=row[prefix + "updated_at"],
        version=row[prefix + "version"],
    )
