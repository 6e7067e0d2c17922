"""`bootstrap`: the first domain, its superadmin and the identities of the operator and the services; once."""

import argparse
import asyncio
import dataclasses
import json
import sys
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from services.runtime.clock import Clock
from services.runtime.db import Database
from services.runtime.errors import Refusal
from services.runtime.ids import uuid7
from services.runtime.partitions import Partitions
from services.token.config import TokenSettings
from services.token.identities import Identities, IdentityError
from services.token.jwk import read_trusted_key
from services.token.keys import new_keys
from services.token.model import ID, AppType, Domain, Event, StoredTrustedKey, User
from services.token.secret import hash_secret
from services.token.store import PARTITIONED, Statements, Store
from services.token.vault import Vault

_OPERATOR = (
    "token.domain",
    "token.admin",
    "token.user.read",
    "token.user.write",
    "token.user.watch",
    "token.session",
    "token.audit",
    "token.impersonate",
    "token.exchange",
    "account.admin",
    "account.link",
    "account.describe",
    "runtime.reflect",
    "binding.read",
    "binding.write",
)
_ACCOUNT = ("token.mint", "token.user.watch")
_GATEWAY = ("edge.check",)

# What the vendor's own tokens carry.
_SCOPES = (
    "DRIVE.ALL",
    "SHARE.ALL",
    "FILE.ALL",
    "USER.ALL",
    "VIEW.ALL",
    "STORAGE.ALL",
    "STORAGEFILE.LIST",
    "BATCH",
    "OAUTH.ALL",
    "IMAGE.ALL",
    "INVITE.ALL",
    "ACCOUNT.ALL",
)


def declare(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("--domain", required=True, type=_domain_id, help="id of the first domain")
    parser.add_argument("--issuer", required=True, type=_issuer, help="its base URL, as callers see it")
    parser.add_argument(
        "--secrets-dir",
        type=Path,
        metavar="DIR",
        help="folder of the identities, one file a value: "
        + ", ".join(field.name for field in dataclasses.fields(Identities))
        + "; a file that is there is used, one that is not is made (0600); absent: all are made and printed",
    )


def bootstrap(settings: TokenSettings, arguments: argparse.Namespace) -> int:
    """The command.

    Args:
        settings: of the service: the database and the master key.
        arguments: as `declare` has them.

    Returns:
        The process's exit status; 0 also where there is a domain already, and nothing is changed.
    """
    domain = Domain(arguments.domain, arguments.issuer, _SCOPES, False)
    try:
        return asyncio.run(_bootstrap(settings, domain, arguments.secrets_dir))
    except Refusal as error:
        print(f"bootstrap failed: {error.message} {error.detail or ''}", file=sys.stderr)
    except IdentityError as error:
        print(f"bootstrap failed: {error}", file=sys.stderr)
    return 1


def _domain_id(text: str) -> str:
    if not ID.fullmatch(text):
        raise ValueError
    return text


def _issuer(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError
    return text.rstrip("/")


async def _bootstrap(settings: TokenSettings, domain: Domain, folder: Path | None) -> int:
    clock = Clock()
    database = Database(
        settings.dsn, service="token", pool_size=2, statement_timeout=settings.statement_timeout, clock=clock
    )
    await database.start()
    try:
        await Partitions(settings.direct_dsn or settings.dsn, clock, PARTITIONED).attach()
        return await _fill(Store(database), domain, Vault(settings.master_key.secret), clock.now(), folder)
    finally:
        await database.close()


async def _fill(store: Store, domain: Domain, vault: Vault, now: datetime, folder: Path | None) -> int:
    """All or nothing. The identities are safe in their folder before the commit makes them matter."""
    async with store.transaction() as unit:
        await unit.lock_domains()
        if present := await unit.select_any_domain():
            print(f"already bootstrapped: domain {present}; nothing was changed", file=sys.stderr)
            return 0
        identities = Identities.complete(folder) if folder else Identities.make()
        await _insert_domain(unit, domain, vault, now)
        user_id = await _insert_superadmin(unit, domain, now)
        await _insert_identities(unit, domain, identities, now)
    told = {"domain_id": domain.domain_id, "user_id": user_id} | ({} if folder else identities.as_json())
    print(json.dumps(told, indent=None if folder else 2))
    return 0


async def _insert_domain(unit: Statements, domain: Domain, vault: Vault, now: datetime) -> None:
    await unit.insert_credential(domain.issuer, domain.domain_id, "issuer")
    await unit.insert_domain(domain, now)
    for key in new_keys(domain, vault):
        await unit.insert_signing_key(key, now)
    await unit.insert_audit(Event(domain.domain_id, uuid7(now), "domain.created", actor="bootstrap"))


async def _insert_superadmin(unit: Statements, domain: Domain, now: datetime) -> str:
    user = User(uuid7(now).hex, "superadmin", "enabled")
    await unit.insert_user(
        domain.domain_id, user, user_name="superadmin", nick_name="", avatar="", default_drive_id="", now=now
    )
    return user.user_id


async def _insert_identities(unit: Statements, domain: Domain, known: Identities, now: datetime) -> None:
    operator, gateway, account = known.operator_client_id, known.gateway_client_id, known.account_client_id
    account_key = read_trusted_key(known.account_public_key())
    await _insert_app(unit, domain, now, operator, "operator", _OPERATOR, secret=known.operator_client_secret)
    await _insert_app(unit, domain, now, gateway, "gateway", _GATEWAY, secret=known.gateway_client_secret)
    await _insert_app(unit, domain, now, account, "account", _ACCOUNT, key=account_key)


async def _insert_app(  # noqa: PLR0917 three calls in a row, each one line
    unit: Statements,
    domain: Domain,
    now: datetime,
    client_id: str,
    name: str,
    permissions: tuple[str, ...],
    *,
    secret: str = "",
    key: StoredTrustedKey | None = None,
) -> None:
    """An identity, proven by a secret or by a key."""
    domain_id = domain.domain_id
    await unit.insert_credential(client_id, domain_id, "app")
    await unit.insert_app(
        domain_id,
        client_id,
        name=name,
        app_type=AppType.SERVICE,
        admitted=True,
        redirect_uris=(),
        scopes=(),
        permissions=permissions,
        push_access_ids=(),
        secret_hashes=(hash_secret(secret),) if secret else (),
        now=now,
    )
    if key:
        await unit.insert_trusted_key(domain_id, client_id, key, now)
    await unit.insert_audit(Event(domain_id, uuid7(now), "app.created", client_id, actor="bootstrap"))
