"""`bootstrap`: the first domain, its superadmin and the identities of the services; once, each secret told once."""

import argparse
import asyncio
import json
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.runtime.clock import Clock
from services.runtime.db import Database
from services.runtime.errors import Refusal
from services.runtime.files import write_private
from services.runtime.ids import uuid7
from services.runtime.partitions import Partitions
from services.token.config import TokenSettings
from services.token.jwk import read_trusted_key
from services.token.keys import new_keys
from services.token.model import ID, AppType, Domain, Event, StoredTrustedKey, User
from services.token.secret import hash_secret, new_id, new_secret
from services.token.store import PARTITIONED, Statements, Store
from services.token.vault import Vault

_OPERATOR = (
    "token.admin",
    "token.impersonate",
    "account.admin",
    "account.link",
    "account.describe",
    "runtime.reflect",
    "binding.read",
    "binding.write",
)
_ACCOUNT = ("token.mint",)
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
    parser.add_argument("--secrets-file", type=Path, help="where the secrets go, 0600; absent: to standard output")


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
        return asyncio.run(_bootstrap(settings, domain, arguments.secrets_file))
    except Refusal as error:
        print(f"bootstrap failed: {error.message} {error.detail or ''}", file=sys.stderr)
    except OSError as error:
        print(f"bootstrap failed: {arguments.secrets_file}: {error.strerror}", file=sys.stderr)
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


async def _bootstrap(settings: TokenSettings, domain: Domain, file: Path | None) -> int:
    clock = Clock()
    database = Database(
        settings.dsn, service="token", pool_size=2, statement_timeout=settings.statement_timeout, clock=clock
    )
    await database.start()
    try:
        await Partitions(settings.direct_dsn or settings.dsn, clock, PARTITIONED).attach()
        return await _fill(Store(database), domain, Vault(settings.master_key.secret), clock.now(), file)
    finally:
        await database.close()


async def _fill(store: Store, domain: Domain, vault: Vault, now: datetime, file: Path | None) -> int:
    """All or nothing. The secrets are safe before the commit makes them matter."""
    written = False
    try:
        async with store.transaction() as unit:
            await unit.lock_domains()
            if present := await unit.select_any_domain():
                print(f"already bootstrapped: domain {present}; nothing was changed", file=sys.stderr)
                return 0
            await _insert_domain(unit, domain, vault, now)
            content = await _insert_principals(unit, domain, now)
            if file:
                write_private(file, json.dumps(content, indent=2) + "\n")
                written = True
    except BaseException:
        if written and file:
            with suppress(FileNotFoundError):
                file.unlink()
        raise
    if not file:
        print(json.dumps(content, indent=2))
    return 0


async def _insert_domain(unit: Statements, domain: Domain, vault: Vault, now: datetime) -> None:
    await unit.insert_credential(domain.issuer, domain.domain_id, "issuer")
    await unit.insert_domain(domain, now)
    for key in new_keys(domain, vault):
        await unit.insert_signing_key(key, now)
    await unit.insert_audit(Event(domain.domain_id, uuid7(now), "domain.created", actor="bootstrap"))


async def _insert_principals(unit: Statements, domain: Domain, now: datetime) -> dict[str, Any]:
    """The superadmin and the services' identities; answers their secrets as they are handed over."""
    user = User(uuid7(now).hex, "superadmin", "enabled")
    await unit.insert_user(
        domain.domain_id, user, user_name="superadmin", nick_name="", avatar="", default_drive_id="", now=now
    )
    private_key = ec.generate_private_key(ec.SECP256R1())
    public_pem = private_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    private_pem = private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    operator_secret, gateway_secret = new_secret(), new_secret()
    operator = await _insert_service(unit, domain, "operator", _OPERATOR, now, secret=operator_secret)
    gateway = await _insert_service(unit, domain, "gateway", _GATEWAY, now, secret=gateway_secret)
    account = await _insert_service(unit, domain, "account", _ACCOUNT, now, key=read_trusted_key(public_pem.decode()))
    return {
        "domain_id": domain.domain_id,
        "user_id": user.user_id,
        "operator": {"client_id": operator, "client_secret": operator_secret},
        "account": {"client_id": account, "private_key_pem": private_pem.decode()},
        "gateway": {"client_id": gateway, "client_secret": gateway_secret},
    }


async def _insert_service(
    unit: Statements,
    domain: Domain,
    name: str,
    permissions: tuple[str, ...],
    now: datetime,
    *,
    secret: str = "",
    key: StoredTrustedKey | None = None,
) -> str:
    """A service's identity, proven by a secret or by a key; answers its id."""
    domain_id, client_id = domain.domain_id, new_id()
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
    return client_id
