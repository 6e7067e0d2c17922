"""A code by which a person proves to have a mobile number or an email address, to log on with it or to add it."""

from uuid import UUID

from prometheus_client import Counter

from services.account.errors import LogonRefused
from services.account.model import Identity
from services.account.model.domain_settings import DomainSettings
from services.account.model.logon import CODE_LIFETIME, LOGON
from services.account.model.proofs import Presented, new_code
from services.account.resources import Resources
from services.account.senders import Message, NoSuchCountry
from services.runtime.errors import Unavailable

SENT = Counter(
    "tessera_logon_codes_total", "Codes for logging on that were asked for, and what became of it.", ["type", "verdict"]
)


async def send_code(
    resources: Resources,
    domain_id: str,
    settings: DomainSettings,
    *,
    flow_id: str,
    identity: Identity,
    browser_id: UUID,
    address: str,
    language: str,
    link: bool,
) -> UUID:
    """Send a code to whoever has an identity, known here or not: nothing that is answered depends on that.

    Args:
        resources: the parts of the service.
        domain_id: where somebody logs on.
        settings: of that domain.
        flow_id: the logon that the code is good for, in the browser that asked.
        identity: a mobile number or an email address.
        browser_id: what the identity knows that browser by, or `STRANGER`.
        address: where it is.
        language: `en` or `zh`, of the message.
        link: whether it is to add the identity to who is logged on.

    Returns:
        The id of the code.

    Raises:
        LogonRefused: `early`, one was sent within a minute; `limit`, as many were sent as may be; `guessed`, as many
            were wrong as may be; `country`, no number of its country can be sent to.
        Unavailable: nothing can be sent, or this code could not be, and nothing is counted; database away.
    """
    resources.sender.check(identity.type)
    code = Presented(LOGON, resources.new_id(), new_code())
    verdict = await resources.store.begin_logon_code(
        domain_id,
        code.proof_id,
        identity,
        address,
        resources.proof_key.mac(domain_id, flow_id, identity, code),
        browser_id=browser_id,
        now=resources.clock.now(),
        per_domain=settings.codes_per_hour,
    )
    SENT.labels(identity.type, verdict).inc()
    if verdict != "begun":
        raise LogonRefused(verdict if verdict in ("early", "guessed") else "limit", f"limit of the {verdict}")
    message = Message(
        type=identity.type,
        address=identity.key,
        code=code.secret,
        purpose="link" if link else "logon",
        minutes=int(CODE_LIFETIME.total_seconds()) // 60,
        domain_id=domain_id,
        language=language,
        name=settings.page.display_name,
    )
    try:
        await resources.sender.send(message)
    except Unavailable as refusal:
        await resources.store.delete_logon_code(domain_id, code.proof_id)
        if isinstance(refusal, NoSuchCountry):
            raise LogonRefused("country", str(refusal.detail)) from refusal
        raise
    return code.proof_id


async def try_code(
    resources: Resources, domain_id: str, *, flow_id: str, identity: Identity, code_id: UUID, typed: str
) -> None:
    """Try a code that was sent. It is good once, or twice at once; a wrong one is counted, over all replicas.

    Raises:
        LogonRefused: `wrong_code`; `code_over`, where it is good no longer, or five wrong ones came; `guessed`, as many
            were wrong as may be, and this one is not looked at.
        Unavailable: database away.
    """
    presented = Presented(LOGON, code_id, typed)
    mac = resources.proof_key.mac(domain_id, flow_id, identity, presented)
    verdict = await resources.store.try_logon_code(domain_id, code_id, identity, mac, resources.clock.now())
    if verdict != "good":
        raise LogonRefused({"wrong": "wrong_code", "over": "code_over"}.get(verdict, verdict))
