"""Whose an identity is that was just proven: a user who is there, or one that is made for it."""

import hashlib
from datetime import datetime

from services.account.connectors import Proven
from services.account.errors import LogonRefused, NotFoundLinkUser
from services.account.peers import Proof
from services.account.resources import Resources
from services.runtime.errors import FieldInvalid
from services.runtime.ids import derived_uuid7


async def find_user(resources: Resources, domain_id: str, proven: Proven) -> str | None:
    """The user that an identity is linked to; `None`: none is. What the person is called now is kept with the link.

    Raises:
        LogonRefused: `disabled`, the user may not log on.
        Unavailable: token or database away.
    """
    link = await resources.store.select_link(domain_id, proven.identity)
    if link is None:
        return None
    try:
        user = await resources.token.get_user(domain_id, link.user_id)
    except NotFoundLinkUser:
        # The link goes when account hears of it.
        return None
    if user.status != "enabled":
        raise LogonRefused("disabled", link.user_id)
    await _keep_name(resources, domain_id, proven)
    return link.user_id


async def create_user(resources: Resources, domain_id: str, proven: Proven, *, client_id: str) -> str:
    """Make a user for an identity that nobody has, and link it; of several at once, one is made.

    The user is made before the link. Where the identity is another's by then, that other one is answered, and a user
    stays that has no way to log on: it takes two identities that change hands within a second.

    Raises:
        LogonRefused: `full`, the domain has as many users as it may; `disabled`; `taken`, somebody was quicker.
        Unavailable: token or database away; the same logon may be tried again.
    """
    now = resources.clock.now()
    try:
        user_id = await _make(resources, domain_id, proven, client_id=client_id, moment=_hour(now))
    except (NotFoundLinkUser, FieldInvalid):
        # One that was made for it within the hour is gone, or was shown by another name.
        user_id = await _make(resources, domain_id, proven, client_id=client_id, moment=now)
    await link(resources, domain_id, proven, user_id)
    return user_id


async def link(resources: Resources, domain_id: str, proven: Proven, user_id: str) -> None:
    """Link an identity that was proven, and what its person is called, to a user who was proven, too.

    Raises:
        LogonRefused: `taken`, it is another's; `too_many`; `over`, the user was deleted meanwhile.
        Unavailable: database away.
    """
    verdict = await resources.store.link_identity(
        domain_id,
        proven.identity,
        user_id,
        now=resources.clock.now(),
        event_id=resources.new_id(),
        actor=user_id,
        create_access_key=None,
    )
    if refusal := {"taken": "taken", "full": "too_many", "gone": "over"}.get(verdict):
        raise LogonRefused(refusal, f"{user_id}: {verdict}")
    await _keep_name(resources, domain_id, proven)


async def _keep_name(resources: Resources, domain_id: str, proven: Proven) -> None:
    if proven.display_name:
        await resources.store.update_link_name(domain_id, proven.identity, proven.display_name)


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)


async def _make(resources: Resources, domain_id: str, proven: Proven, *, client_id: str, moment: datetime) -> str:
    identity = proven.identity
    # Whoever makes it for the same identity at the same time makes the same user.
    content = hashlib.sha256(f"{domain_id}\0{identity.type}\0{identity.key}".encode()).digest()
    return await resources.token.create_user(
        domain_id,
        derived_uuid7(moment, content),
        Proof(identity.type, identity.given),
        client_id=client_id,
        nick_name=proven.display_name,
        avatar=proven.avatar,
    )
