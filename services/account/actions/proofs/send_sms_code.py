"""SendSmsCode: a user proves that a mobile number or an email address is its own."""

from uuid import UUID

from prometheus_client import Counter

from services.account.errors import SendLimitExceeded
from services.account.model import Identity
from services.account.model.proofs import CODE, LIFETIME, Presented, new_code
from services.account.resources import Resources
from services.account.senders import Message
from services.runtime.auth import Principal
from services.runtime.errors import PermissionDenied

SENT = Counter("tessera_codes_total", "Codes asked for, and what became of it.", ["type", "verdict"])


async def send_sms_code(resources: Resources, caller: Principal, *, identity: Identity) -> UUID:
    """Send a code by which the caller proves to LinkAccount that an identity is its own.

    Nothing that is answered depends on whether anybody has linked the identity: who holds it learns that from
    LinkAccount. It goes to the identity as it is compared, never as it was written: what is alike for us may be
    somebody else's mailbox.

    Args:
        resources: the parts of the service.
        caller: the user.
        identity: a mobile number or an email address.

    Returns:
        The id of the code.

    Raises:
        PermissionDenied: the caller is no user.
        SendLimitExceeded: as many were sent as may be.
        Unavailable: nothing can be sent, and nothing is counted; or this code could not be; database away.
    """
    if caller.kind != "user":
        raise PermissionDenied(detail=f"a code for {caller.kind} {caller.subject}")
    # Where nothing can be sent nothing is counted, or nobody could be sent a code for an hour when something can.
    resources.sender.check(identity.type)
    settings = await resources.store.select_domain_settings(caller.domain_id)
    code = Presented(CODE, resources.new_id(), new_code())
    verdict = await resources.store.begin_code(
        caller.domain_id,
        code.proof_id,
        caller.subject,
        identity,
        resources.proof_key.mac(caller.domain_id, caller.subject, identity, code),
        now=resources.clock.now(),
        per_domain=settings.codes_per_hour,
    )
    SENT.labels(identity.type, verdict).inc()
    if verdict != "begun":
        raise SendLimitExceeded(detail=f"limit of the {verdict}")
    await resources.sender.send(
        Message(
            type=identity.type,
            address=identity.key,
            code=code.secret,
            purpose="link",
            minutes=int(LIFETIME.total_seconds()) // 60,
            domain_id=caller.domain_id,
            name=settings.page.display_name,
        )
    )
    return code.proof_id
