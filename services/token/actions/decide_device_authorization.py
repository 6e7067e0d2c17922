"""DecideDeviceAuthorization: a proven user lets a device have its tokens, or denies them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.token.errors import (
    DeviceAuthorizationDecided,
    InvalidScope,
    NotFoundDeviceAuthorization,
    NotFoundUser,
    TokenRefusal,
    UserDisabled,
    UserLoggedOff,
)
from services.token.events import EventName
from services.token.model import Decision, Event, Proof
from services.token.resources import Resources

_ERRORS: Mapping[str, type[TokenRefusal]] = {
    "unknown": NotFoundDeviceAuthorization,
    "other": DeviceAuthorizationDecided,
    "scope": InvalidScope,
    "no_user": NotFoundUser,
    "disabled": UserDisabled,
    "logged_off": UserLoggedOff,
}


@dataclass(frozen=True, slots=True)
class DeviceDecision:
    """What a user decided. Empty `scopes` are all that were asked for; an absent `authenticated_at` is now."""

    domain_id: str
    authorization_id: UUID
    decision: Decision
    user_id: str
    scopes: tuple[str, ...]
    proof: Proof
    authenticated_at: datetime | None


async def decide_device_authorization(resources: Resources, *, decided: DeviceDecision) -> None:
    """Write down what a user decided: the first decision counts. A refusal is audited: the user was proven.

    Raises:
        NotFoundDeviceAuthorization: no device asks so, or no longer.
        DeviceAuthorizationDecided: it was decided otherwise before, or by somebody else.
        InvalidScope: the device did not ask for one of the scopes.
        NotFoundUser, UserDisabled: so it is.
        UserLoggedOff: all sessions of the user were ended since it was proven.
    """
    verdict = await _decide(resources, decided)
    if verdict == "decided":
        return
    if await resources.directory.domain(decided.domain_id):
        await resources.store.insert_audit(
            Event(
                decided.domain_id,
                resources.new_id(),
                EventName.DEVICE_AUTHORIZATION_WITHHELD,
                user_id=decided.user_id,
                detail=verdict,
            )
        )
    raise _ERRORS[verdict](detail=f"device authorization: {verdict}")


async def _decide(resources: Resources, decided: DeviceDecision) -> str:
    now = resources.clock.now()
    authenticated_at = min(decided.authenticated_at or now, now)
    user = await resources.store.select_user(decided.domain_id, decided.user_id)
    if user and user.status == "enabled" and user.is_logged_off(authenticated_at):
        return "logged_off"
    return await resources.store.decide_device_authorization(
        decided.domain_id,
        decided.authorization_id,
        decided.decision,
        user_id=decided.user_id,
        scopes=decided.scopes,
        authenticated_at=authenticated_at,
        proof=decided.proof,
        now=now,
        event_id=resources.new_id(),
    )
