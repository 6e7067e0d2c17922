"""What a domain begins with, whoever makes it: bootstrap the first, CreateDomain the others."""

from collections.abc import Iterable
from datetime import datetime

from services.runtime.ids import uuid7
from services.token.events import EventName
from services.token.model import AppType, Domain, Event, StoredKey, StoredTrustedKey, User
from services.token.secret import hash_secret
from services.token.store import Statements

# What an operator does in its domain. What reaches beyond it is for the first domain's alone.
OPERATOR = (
    "token.admin",
    "token.user.read",
    "token.user.write",
    "token.session",
    "token.audit",
    "token.impersonate",
    "token.exchange",
    "account.admin",
    "account.link",
    "account.link.read",
    "account.link.watch",
    "account.describe",
    "account.delete",
    "account.describe.mobile",
    "binding.read",
    "binding.write",
)

# What the vendor's own tokens carry.
SCOPES = (
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


async def found_domain(
    store: Statements, domain: Domain, keys: Iterable[StoredKey], now: datetime, *, actor: str
) -> str | None:
    """Make a domain, its keys and a superadmin, whose id is answered; `None` where the id or the issuer is taken."""
    if not await store.insert_domain(domain, now) or not await store.insert_issuer(domain.issuer, domain.domain_id):
        return None
    for key in keys:
        await store.insert_signing_key(key, now)
    user = User(uuid7(now).hex, "superadmin", "enabled")
    await store.insert_user(
        domain.domain_id, user, user_name="superadmin", nick_name="", avatar="", default_drive_id="", now=now
    )
    await store.insert_user_event(domain.domain_id, uuid7(now), user.user_id, "created")
    await store.insert_audit(Event(domain.domain_id, uuid7(now), EventName.DOMAIN_CREATED, actor=actor))
    return user.user_id


async def insert_identity(
    store: Statements,
    domain_id: str,
    client_id: str,
    *,
    now: datetime,
    name: str,
    permissions: tuple[str, ...],
    actor: str,
    secret: str = "",
    key: StoredTrustedKey | None = None,
) -> None:
    """Make an admitted service app, proven by a secret or by a key."""
    await store.insert_credential(client_id, domain_id, "app")
    await store.insert_app(
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
        await store.insert_trusted_key(domain_id, client_id, key, now)
    await store.insert_audit(Event(domain_id, uuid7(now), EventName.APP_CREATED, client_id, actor=actor))
