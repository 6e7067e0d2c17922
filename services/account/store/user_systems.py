"""User systems of domains: their secrets are sealed and opened here, and nowhere else."""

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from uuid import UUID

import asyncpg
import structlog

from services.account.model.domain_settings import DomainSettings
from services.account.model.user_systems import LogonSystems, UserSystem, read_settings, unset_systems
from services.account.store.domain_settings import domain_settings
from services.runtime.section import Executor, Section
from services.runtime.sql import load_queries
from services.runtime.vault import Vault, VaultError

_SQL = load_queries(Path(__file__).with_suffix(".sql"))

log = structlog.get_logger()


class UserSystems(Section):
    """User systems of domains.

    Args:
        database: as of any section.
        vault: seals their secrets, each for its own row.
    """

    def __init__(self, database: Executor, vault: Vault) -> None:
        super().__init__(database)
        self._vault = vault

    async def lock_user_systems(self, domain_id: str) -> None:
        """Keep others from making or taking away one of the domain's until the transaction ends."""
        await self._database.execute(_SQL["lock_user_systems"], domain_id)

    async def count_user_systems(self, domain_id: str) -> int:
        """How many the domain has."""
        count: int = await self._database.fetchval(_SQL["count_user_systems"], domain_id)
        return count

    async def insert_user_system(self, system: UserSystem, now: datetime, made_by: bytes | None = None) -> bool:
        """Make one; false where the domain has one of that type and, of type `custom`, issuer."""
        made = await self._database.fetchval(
            _SQL["insert_user_system"],
            system.domain_id,
            UUID(system.user_system_id),
            system.type,
            system.display_name,
            system.enabled,
            system.link_only,
            system.private_addresses,
            _write_settings(system),
            self._sealed(system),
            now,
            made_by,
        )
        return made is not None

    async def select_user_system_made_by(self, domain_id: str, made_by: bytes) -> UserSystem | None:
        """The one that this call made; `None` where there is none."""
        row = await self._database.fetchrow(_SQL["select_user_system_made_by"], domain_id, made_by)
        return self._user_system(row) if row else None

    async def select_user_system(self, domain_id: str, user_system_id: UUID) -> UserSystem | None:
        """The one of that id; `None` where there is none."""
        row = await self._database.fetchrow(_SQL["select_user_system"], domain_id, user_system_id)
        return self._user_system(row) if row else None

    async def select_user_systems(self, domain_id: str, after: UUID, limit: int) -> list[UserSystem]:
        """Those of a domain in the order in which they were made, from the one behind `after`."""
        rows = await self._database.fetch(_SQL["select_user_systems"], domain_id, after, limit)
        return [self._user_system(row) for row in rows]

    async def select_logon_systems(self, domain_id: str) -> LogonSystems:
        """What the logon to a domain goes by, in one round trip.

        A user system whose secret does not open is left out: it would be asked with an empty one.
        """
        rows = await self._database.fetch(_SQL["select_logon_systems"], domain_id)
        stored = [self._user_system(row) for row in rows if row["user_system_id"]]
        systems = tuple(each for each in stored if each.enabled and (each.secret or not each.has_secret))
        return LogonSystems(
            settings=domain_settings(rows[0], "settings_")
            if rows and rows[0]["settings_version"]
            else DomainSettings(),
            systems=systems if stored else unset_systems(domain_id),
        )

    async def update_user_system(self, changed: UserSystem, now: datetime, *, new_secret: bool) -> UserSystem | None:
        """Change one; answers it, `None` where it is not of that version any more.

        Args:
            changed: what it is to be, with the version that is changed.
            now: when.
            new_secret: whether its secret changes, too; else the stored one stays, also where it does not open.
        """
        row = await self._database.fetchrow(
            _SQL["update_user_system"],
            changed.domain_id,
            UUID(changed.user_system_id),
            changed.version,
            changed.display_name,
            changed.enabled,
            changed.link_only,
            changed.private_addresses,
            _write_settings(changed),
            new_secret,
            self._sealed(changed) if new_secret else None,
            now,
        )
        return self._user_system(row) if row else None

    async def delete_user_system(self, domain_id: str, user_system_id: UUID, version: int | None) -> bool:
        """Take one away; false where there is none of that id and, if one is named, version."""
        gone = await self._database.fetchval(_SQL["delete_user_system"], domain_id, user_system_id, version)
        return gone is not None

    def _sealed(self, system: UserSystem) -> bytes | None:
        place = _place(system.domain_id, system.user_system_id)
        return self._vault.seal(system.secret.encode(), place) if system.secret else None

    def _user_system(self, row: asyncpg.Record) -> UserSystem:
        domain_id, user_system_id = row["domain_id"], str(row["user_system_id"])
        return UserSystem(
            domain_id=domain_id,
            user_system_id=user_system_id,
            settings=read_settings(row["type"], json.loads(row["settings"])),
            display_name=row["display_name"],
            enabled=row["enabled"],
            link_only=row["link_only"],
            private_addresses=row["private_addresses"],
            secret=self._opened(row["secret"], domain_id, user_system_id),
            created_at=row["created_at"],
            updated_at=row["updated_at"],
            version=row["version"],
            has_secret=row["secret"] is not None,
        )

    def _opened(self, sealed: bytes | None, domain_id: str, user_system_id: str) -> str:
        if sealed is None:
            return ""
        try:
            return self._vault.open(sealed, _place(domain_id, user_system_id)).decode()
        except VaultError as error:
            # The others of the domain are good still, and this one can be given its secret anew.
            log.error("a secret does not open", user_system_id=user_system_id, problem=str(error))
            return ""


def _place(domain_id: str, user_system_id: str) -> str:
    return f"{domain_id}/{user_system_id}"


def _write_settings(system: UserSystem) -> str:
    return json.dumps(asdict(system.settings), ensure_ascii=False)
