"""CreateDeviceAuthorization: codes for a device without a browser, and for its user (RFC 8628 section 3.1)."""

import hashlib
import os
from dataclasses import dataclass, field
from datetime import timedelta

from services.runtime import jws
from services.token.actions.grants.device_code import SECRET_BYTES
from services.token.actions.phases import admission, clients, refusals, scopes
from services.token.actions.phases.clients import Client
from services.token.errors import InvalidScope
from services.token.events import EventName
from services.token.model import (
    DeviceRequest,
    Domain,
    NewDeviceAuthorization,
    hash_user_code,
    new_user_code,
    shown_user_code,
)
from services.token.resources import Resources

LIFETIME = timedelta(minutes=10)
"""How long both codes are good."""

INTERVAL_SECONDS = 5
"""How long a device waits before it asks again, as the database has it."""


@dataclass(frozen=True, slots=True)
class DeviceCodes:
    """What a device is told. `user_code` is as it is to be shown."""

    device_code: str = field(repr=False)
    user_code: str = field(repr=False)
    verification_uri: str
    verification_uri_complete: str = field(repr=False)


async def create_device_authorization(resources: Resources, *, request: DeviceRequest) -> DeviceCodes:
    """Begin a logon on a device. As at Token, what a client that proved itself was refused is audited.

    Raises:
        InvalidRequest, InvalidClient, UnauthorizedClient: as the phases say.
        InvalidScope: more was asked for than the app has.
        LimitExceeded: the domain has had its grants of this second.
    """
    client = await clients.authenticate(resources, request, grant=True)
    if not refusals.is_proven(client):
        # Whoever knows an id could use the grants of its domain up.
        resources.limits.give_back(client.domain)
    await admission.admit(resources, client, admission.DEVICE_CODE)
    return await _created(resources, client, request)


async def _created(resources: Resources, client: Client, request: DeviceRequest) -> DeviceCodes:
    try:
        asked = scopes.narrow(request.scopes, client.app.scopes)
    except InvalidScope:
        if refusals.is_proven(client):
            await refusals.write(resources, client, EventName.GRANT_REFUSED, "scope")
        raise
    domain, now = client.domain, resources.clock.now()
    authorization_id, secret = resources.new_id(), os.urandom(SECRET_BYTES)
    # A stranger makes no rows in the audit log.
    event_id = resources.new_id() if refusals.is_proven(client) else None
    while True:
        user_code = new_user_code()
        new = NewDeviceAuthorization(
            domain_id=domain.domain_id,
            authorization_id=authorization_id,
            device_code_hash=hashlib.sha256(secret).digest(),
            user_code_hash=hash_user_code(domain.domain_id, user_code),
            client_id=client.app.client_id,
            scopes=asked,
            device_id=request.device_id,
            device_name=request.device_name,
            now=now,
            expires_at=now + LIFETIME,
        )
        if await resources.store.create_device_authorization(new, event_id):
            break
    page, shown = verification_uri(domain), shown_user_code(user_code)
    return DeviceCodes(
        device_code=jws.encode(authorization_id.bytes + secret),
        user_code=shown,
        verification_uri=page,
        verification_uri_complete=f"{page}{'&' if '?' in page else '?'}user_code={shown}",
    )


def verification_uri(domain: Domain) -> str:
    """Where a user enters the code. Where the domain shares its host, it is named: the code alone does not tell it."""
    page = f"{domain.base_url}/logon/device"
    return page if domain.issuer == domain.base_url else f"{page}?domain_id={domain.domain_id}"
