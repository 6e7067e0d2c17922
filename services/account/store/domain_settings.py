"""Settings of domains."""

from datetime import datetime
from pathlib import Path

from services.account.model.domain_settings import DomainSettings
from services.runtime.section import Section
from services.runtime.sql import load_queries

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class OfDomains(Section):
    """Settings of domains."""

    async def select_domain_settings(self, domain_id: str) -> DomainSettings:
        """The settings of a domain: the defaults where it never set any."""
        row = await self._database.fetchrow(_SQL["select_domain_settings"], domain_id)
        return DomainSettings(**row) if row else DomainSettings()

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
        )
        return DomainSettings(**row) if row else None
