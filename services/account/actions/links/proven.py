"""What LinkAccount does with a proof: it is claimed with the link, and ended with the Token."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from services.account.errors import IdentityTaken, LinkQuotaExceeded, NotFoundLinkUser, ProofRefused
from services.account.model import Identity
from services.account.model.proofs import Presented
from services.account.resources import Resources
from services.runtime.auth import Principal
from services.runtime.errors import Refusal, Unavailable

log = structlog.get_logger()


async def linked(
    resources: Resources, caller: Principal, user_id: str, identity: Identity, proof: Presented | None
) -> None:
    """Link an identity to a user unless it is linked to it, and claim the proof where there is one. One statement.

    Raises:
        NotFoundLinkUser: the user was deleted meanwhile.
        ProofRefused: the proof is not good. A wrong code is counted.
        IdentityTaken: it is linked to another user.
        LinkQuotaExceeded: the user has 1,000 identities; a proof may be presented again in some seconds.
        Unavailable: another call presented the same proof just now, and may not succeed.
    """
    store, domain_id, now = resources.store, caller.domain_id, resources.clock.now()
    create_access_key = None if caller.kind == "user" else caller.client_id
    if proof is None:
        verdict = await store.link_identity(
            domain_id,
            identity,
            user_id,
            now=now,
            event_id=resources.new_id(),
            actor=caller.responsible,
            create_access_key=create_access_key,
        )
    else:
        verdict = await store.link_proven_identity(
            domain_id,
            identity,
            user_id,
            now=now,
            event_id=resources.new_id(),
            actor=caller.responsible,
            proof=proof,
            mac=resources.proof_key.mac(domain_id, user_id, identity, proof, caller.session_id),
            create_access_key=create_access_key,
        )
    match verdict:
        case "gone":
            raise NotFoundLinkUser(detail=f"{user_id} was deleted meanwhile")
        case "taken":
            raise IdentityTaken
        case "full":
            raise LinkQuotaExceeded(detail=f"{user_id} has 1,000 identities")
        case "refused":
            raise ProofRefused
        case "busy":
            raise Unavailable("proof", detail="another call presented it just now")


@asynccontextmanager
async def ending(resources: Resources, domain_id: str, proof: Presented | None) -> AsyncIterator[None]:
    """End a claimed proof when the block succeeds; let go of it when it fails, so that the call may be repeated.

    A process that dies in the block leaves it claimed for some seconds.

    Raises:
        ProofRefused: it was ended meanwhile, by an unlink or another proof: what the block got may not be given away.
    """
    if proof is None:
        yield
        return
    try:
        yield
    except BaseException:
        # A caller that hung up is cancelled here, and may call again at once.
        await _let_go(resources, domain_id, proof)
        raise
    if not await resources.store.end_proof(domain_id, proof.proof_id, resources.clock.now()):
        raise ProofRefused(detail="ended meanwhile")


async def _let_go(resources: Resources, domain_id: str, proof: Presented) -> None:
    try:
        await resources.store.release_proof(domain_id, proof.proof_id)
    except Refusal as error:
        # The caller is told why the call failed; this passes by itself.
        log.warning("proof stays claimed", problem=str(error))
