"""`bootstrap`: the first domain, its superadmin and the identities of the services; once, each secret told once."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.runtime.clock import Clock
from services.runtime.db import Database
from services.runtime.errors import Refusal
from services.runtime.ids import uuid7
from services.runtime.partitions import Partitions
from services.token.actions import credentials
from services.token.actions.create_app import GRACE, GRACE_REPEATS
from services.token.config import TokenSettings
from services.token.convert import to_trusted_key
from services.token.keys import new_keys
from services.token.model import ID, App, AppType, Domain, Event, StoredTrustedKey, User
from services.token.store import PARTITIONED, Store
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

_AGAIN_SECONDS = 0.05

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


@dataclass(frozen=True)
class _Service:
    """A service identity about to be made."""

    name: str
    app: App
    key: StoredTrustedKey | None


def bootstrap(settings: TokenSettings, arguments: Sequence[str]) -> int:
    """The command.

    Args:
        settings: of the service: the database and the master key.
        arguments: `--domain`, `--issuer`, `--secrets-file`.

    Returns:
        The process's exit status; 0 also where there is a domain already, and nothing is changed.
    """
    parser = argparse.ArgumentParser(prog="python -m services.token bootstrap")
    parser.add_argument("--domain", required=True, type=_domain_id, help="id of the first domain")
    parser.add_argument("--issuer", required=True, type=_issuer, help="its base URL, as callers see it")
    parser.add_argument("--secrets-file", type=Path, help="where the secrets go, 0600; absent: to standard output")
    args = parser.parse_args(arguments)
    # Standard output is for the secrets.
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
    try:
        return asyncio.run(_bootstrap(settings, Domain(args.domain, args.issuer, _SCOPES, False), args.secrets_file))
    except Refusal as error:
        print(f"bootstrap failed: {error.message} {error.detail or ''}", file=sys.stderr)
    except OSError as error:
        print(f"bootstrap failed: {args.secrets_file}: {error.strerror}", file=sys.stderr)
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
        partitions = Partitions(database, clock, PARTITIONED)
        while not await partitions.keep():  # noqa: ASYNC110 another process is at it, and tells nobody
            await asyncio.sleep(_AGAIN_SECONDS)
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
                _write(file, content)
                written = True
    except BaseException:
        if written and file:
            with suppress(FileNotFoundError):
                file.unlink()
        raise
    if not file:
        print(json.dumps(content, indent=2))
    return 0


async def _insert_domain(unit: Store, domain: Domain, vault: Vault, now: datetime) -> None:
    await unit.insert_credential(domain.issuer, domain.domain_id, "issuer")
    await unit.insert_domain(domain, now)
    for key in new_keys(domain, vault):
        await unit.insert_signing_key(key, now)
    await unit.insert_audit(Event(domain.domain_id, uuid7(now), "domain.created", actor="bootstrap"))


async def _insert_principals(unit: Store, domain: Domain, now: datetime) -> dict[str, Any]:
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
    operator, operator_secret = _service(domain, "operator", _OPERATOR)
    gateway, gateway_secret = _service(domain, "gateway", _GATEWAY)
    account, _ = _service(domain, "account", _ACCOUNT, to_trusted_key(public_pem.decode()))
    for service in (operator, gateway, account):
        app = service.app
        await unit.insert_credential(app.client_id, app.domain_id, "app")
        await unit.insert_app(app, service.name, now)
        if service.key:
            await unit.insert_trusted_key(app.domain_id, app.client_id, service.key, now)
        await unit.insert_audit(Event(app.domain_id, uuid7(now), "app.created", app.client_id, actor="bootstrap"))
    return {
        "domain_id": domain.domain_id,
        "user_id": user.user_id,
        "operator": {"client_id": operator.app.client_id, "client_secret": operator_secret},
        "account": {"client_id": account.app.client_id, "private_key_pem": private_pem.decode()},
        "gateway": {"client_id": gateway.app.client_id, "client_secret": gateway_secret},
    }


def _service(
    domain: Domain, name: str, permissions: tuple[str, ...], key: StoredTrustedKey | None = None
) -> tuple[_Service, str]:
    secret = credentials.new_secret()
    app = App(
        domain_id=domain.domain_id,
        client_id=credentials.new_id(),
        type=AppType.SERVICE,
        admitted=True,
        redirect_uris=(),
        scopes=(),
        permissions=permissions,
        push_access_ids=(),
        secret_hashes=(credentials.hash_secret(secret),),
        grace=GRACE,
        grace_repeats=GRACE_REPEATS,
    )
    return _Service(name, replace(app, secret_hashes=()) if key else app, key), secret


def _write(file: Path, content: dict[str, Any]) -> None:
    """Write the file so that it is whole or absent, and readable by its owner alone from the first byte."""
    partial = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(content, stream, indent=2)
            stream.write("\n")
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(file)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
