"""`bootstrap`: the first domain, its superadmin and the identities of the operator and the services; once."""

import argparse
import asyncio
import dataclasses
import json
import sys
from datetime import datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from services.runtime.clock import Clock
from services.runtime.db import Database
from services.runtime.errors import Refusal
from services.runtime.partitions import Partitions
from services.runtime.vault import Vault
from services.token.actions.domains.founding import OPERATOR, SCOPES, found_domain, insert_identity
from services.token.config import TokenSettings
from services.token.identities import Identities, IdentityError
from services.token.jwk import read_trusted_key
from services.token.keys import new_keys
from services.token.model import ID, Domain
from services.token.store import PARTITIONED, Statements, Store

# What reaches beyond its domain is the first operator's alone.
_OPERATOR = ("token.domain", "token.user.watch", "runtime.reflect", "account.provider.private", *OPERATOR)
_ACTOR = "bootstrap"
_ACCOUNT = ("token.mint", "token.user.watch")
_GATEWAY = ("edge.check",)


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
    domain = Domain(arguments.domain, arguments.issuer, SCOPES, name=arguments.domain)
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
        keys = new_keys(domain, vault)
        user_id = await found_domain(unit, domain, keys, now, actor=_ACTOR)
        await _insert_identities(unit, domain.domain_id, identities, now)
    told = {"domain_id": domain.domain_id, "user_id": user_id} | ({} if folder else identities.as_json())
    print(json.dumps(told, indent=None if folder else 2))
    return 0


async def _insert_identities(unit: Statements, domain_id: str, known: Identities, now: datetime) -> None:
    insert = partial(insert_identity, unit, domain_id, now=now, actor=_ACTOR)
    key = read_trusted_key(known.account_public_key())
    operator, gateway = known.operator_client_secret, known.gateway_client_secret
    await insert(known.operator_client_id, name="operator", permissions=_OPERATOR, secret=operator)
    await insert(known.gateway_client_id, name="gateway", permissions=_GATEWAY, secret=gateway)
    await insert(known.account_client_id, name="account", permissions=_ACCOUNT, key=key)
