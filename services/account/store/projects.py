"""Projects and their identity providers."""

from datetime import datetime
from pathlib import Path

import asyncpg

from services.account.errors import NotFoundProject, ProjectInUse
from services.account.model import Project, Provider
from services.runtime.errors import FieldInvalid
from services.runtime.section import Section
from services.runtime.sql import load_queries

_SQL = load_queries(Path(__file__).with_suffix(".sql"))


class Projects(Section):
    """Projects and their identity providers."""

    async def insert_project(
        self, domain_id: str, project_id: str, name: str, now: datetime, made_by: bytes | None = None
    ) -> bool:
        """Make a project; false where there is one of that id."""
        made = await self._database.fetchval(_SQL["insert_project"], domain_id, project_id, name, now, made_by)
        return made is not None

    async def select_project_made_by(self, domain_id: str, project_id: str, made_by: bytes) -> bool:
        """Whether this call made the project of that id."""
        return await self._text(_SQL["select_project_made_by"], domain_id, project_id, made_by) is not None

    async def select_project(self, domain_id: str, project_id: str) -> Project | None:
        """The project of that id; `None` where there is none."""
        row = await self._database.fetchrow(_SQL["select_project"], domain_id, project_id)
        return Project(**row) if row else None

    async def select_projects(self, domain_id: str, after: str, limit: int) -> list[Project]:
        """Projects in the order of their ids, from the one behind `after`."""
        return [Project(**row) for row in await self._database.fetch(_SQL["select_projects"], domain_id, after, limit)]

    async def update_project(self, changed: Project, now: datetime) -> Project | None:
        """Change a project; answers it, `None` where it is not of that version any more."""
        row = await self._database.fetchrow(
            _SQL["update_project"], changed.domain_id, changed.project_id, changed.version, changed.name, now
        )
        return Project(**row) if row else None

    async def delete_project(self, domain_id: str, project_id: str, version: int | None) -> bool:
        """Take a project away; false where there is none of that id and, if one is named, version.

        Raises:
            ProjectInUse: it has providers or open accounts.
        """
        try:
            return await self._text(_SQL["delete_project"], domain_id, project_id, version) is not None
        except asyncpg.ForeignKeyViolationError as error:
            raise ProjectInUse from error

    async def insert_provider(self, provider: Provider, made_by: bytes | None) -> bool:
        """Register a provider; false where the project has one of that name.

        Raises:
            NotFoundProject: there is no such project.
            FieldInvalid: another provider of that name takes links.
        """
        try:
            made = await self._text(
                _SQL["insert_provider"],
                provider.domain_id,
                provider.project_id,
                provider.idp,
                provider.issuer,
                provider.audiences,
                provider.algorithms,
                provider.jwks,
                provider.jwks_uri,
                provider.private_addresses,
                provider.takes_links,
                provider.created_at,
                made_by,
            )
        except asyncpg.ForeignKeyViolationError as error:
            raise NotFoundProject from error
        except asyncpg.UniqueViolationError as error:
            raise _links_taken() from error
        return made is not None

    async def select_provider_made_by(self, provider: Provider, made_by: bytes) -> bool:
        """Whether this call registered the provider of that name."""
        made = await self._text(
            _SQL["select_provider_made_by"], provider.domain_id, provider.project_id, provider.idp, made_by
        )
        return made is not None

    async def select_provider(self, domain_id: str, project_id: str, idp: str) -> Provider | None:
        """The provider of that name; `None` where there is none."""
        row = await self._database.fetchrow(_SQL["select_provider"], domain_id, project_id, idp)
        return _provider(row) if row else None

    async def select_providers_of_name(self, domain_id: str, idp: str) -> list[Provider]:
        """Providers of that name, of any project of the domain: two at the most."""
        return [_provider(row) for row in await self._database.fetch(_SQL["select_providers_of_name"], domain_id, idp)]

    async def select_providers(self, domain_id: str, project_id: str, after: str, limit: int) -> list[Provider]:
        """Providers of a project in the order of their names, from the one behind `after`."""
        rows = await self._database.fetch(_SQL["select_providers"], domain_id, project_id, after, limit)
        return [_provider(row) for row in rows]

    async def update_provider(self, changed: Provider, now: datetime) -> Provider | None:
        """Change a provider; answers it, `None` where it is not of that version any more.

        Raises:
            FieldInvalid: another provider of that name takes links.
        """
        try:
            row = await self._database.fetchrow(
                _SQL["update_provider"],
                changed.domain_id,
                changed.project_id,
                changed.idp,
                changed.version,
                changed.issuer,
                changed.audiences,
                changed.algorithms,
                changed.jwks,
                changed.jwks_uri,
                changed.private_addresses,
                changed.takes_links,
                now,
            )
        except asyncpg.UniqueViolationError as error:
            raise _links_taken() from error
        return _provider(row) if row else None

    async def delete_provider(self, domain_id: str, project_id: str, idp: str, version: int | None) -> bool:
        """Take a provider away; false where there is none of that name and, if one is named, version."""
        return await self._text(_SQL["delete_provider"], domain_id, project_id, idp, version) is not None


def _provider(row: asyncpg.Record) -> Provider:
    values = dict(row)
    return Provider(**values | {name: tuple(values[name]) for name in ("audiences", "algorithms")})


def _links_taken() -> FieldInvalid:
    return FieldInvalid("provider.takes_links", "Another provider of this name takes the links of the domain.")
