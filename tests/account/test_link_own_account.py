"""LinkAccount by a user who may act on itself alone: it proves that the identity is its own."""

import asyncio
from datetime import timedelta

import grpc
import pytest
from tessera.account.v1 import account_service_pb2

from services.account.actions.proofs.create_link_ticket import create_link_ticket
from services.account.model import normalise
from services.account.model.proofs import MAX_TRIES, read_ticket
from services.account.resources import Resources
from tests.account.test_link_account import claims_of
from tests.account.with_token import Services, session_of, unused, unused_mobile
from tests.support.calls import bearer, refused


async def test_by_a_code_to_a_mobile_number(services: Services) -> None:
    user_id, caller = await services.user()
    number = unused_mobile()
    sent = await services.send(caller, phone_number=number)
    token = await services.link(user_id, f"+86 {number}", "mobile", caller, **sent.proof)
    assert (token.user_id, token.role) == (user_id, "user")
    assert "act" not in claims_of(token)
    assert await services.links_of(user_id) == [f"+86 {number}"]
    audit = await services.token.audit(user_id=user_id)
    assert (audit[-1]["proof_method"], audit[-1]["proof_identity"]) == ("code", f"+86 {number}")
    # What it got opens its own links.
    request = account_service_pb2.GetLinkInfoRequest(type="mobile", identity=number)
    link = await services.account.links.GetLinkInfo(request, metadata=bearer(token.access_token))
    assert link.user_id == user_id


async def test_by_a_code_to_an_email_address(services: Services) -> None:
    user_id, caller = await services.user()
    address = f"{unused()}@Bücher.de"
    sent = await services.send(caller, email=address)
    await services.link(user_id, address.upper(), "email", caller, **sent.proof)
    assert await services.links_of(user_id) == [address.upper()]


@pytest.mark.parametrize("type_", ["ding", "ram", "wechat", "ldap", "custom", "mobile"])
async def test_by_a_ticket_of_a_logon(services: Services, resources: Resources, type_: str) -> None:
    user_id, caller = await services.user()
    given = unused_mobile() if type_ == "mobile" else unused()
    ticket = await create_link_ticket(
        resources,
        domain_id="bj1",
        user_id=user_id,
        session_id=session_of(caller),
        identity=normalise(type_, given),
    )
    token = await services.link(user_id, given, type_, caller, link_ticket=ticket)
    assert token.user_id == user_id
    await refused(services.link(user_id, given, type_, caller, link_ticket=ticket), "PROOF_REFUSED")


async def test_a_ticket_is_bound_to_a_session(services: Services, resources: Resources) -> None:
    user_id, caller = await services.user()
    with pytest.raises(ValueError, match="session"):
        await create_link_ticket(
            resources, domain_id="bj1", user_id=user_id, session_id="", identity=normalise("custom", unused())
        )
    assert session_of(caller) != session_of(await services.logged_on(user_id))


async def test_a_code_is_good_for_one_token(services: Services) -> None:
    user_id, caller = await services.user()
    number = unused_mobile()
    sent = await services.send(caller, phone_number=number)
    await services.link(user_id, number, "mobile", caller, **sent.proof)
    await refused(services.link(user_id, number, "mobile", caller, **sent.proof), "PROOF_REFUSED")
    # Another one answers a new Token and changes no link.
    again = await services.send(caller, phone_number=number)
    await services.link(user_id, number, "mobile", caller, **again.proof)
    assert await services.links_of(user_id) == [number]


async def test_of_many_at_once_with_one_code_one_gets_a_token(services: Services) -> None:
    user_id, caller = await services.user()
    number = unused_mobile()
    sent = await services.send(caller, phone_number=number)
    calls = (services.link(user_id, number, "mobile", caller, **sent.proof) for _ in range(20))
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 1
    codes = {answer.code() for answer in answers if isinstance(answer, grpc.aio.AioRpcError)}
    assert codes <= {grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAVAILABLE}


async def test_five_wrong_codes_end_it(services: Services) -> None:
    user_id, caller = await services.user()
    number = unused_mobile()
    sent = await services.send(caller, phone_number=number)
    for _ in range(MAX_TRIES - 1):
        await refused(services.link(user_id, number, "mobile", caller, **sent.wrong), "PROOF_REFUSED")
    other = unused_mobile()
    good = await services.send(caller, phone_number=other)
    for _ in range(MAX_TRIES - 1):
        await refused(services.link(user_id, other, "mobile", caller, **good.wrong), "PROOF_REFUSED")
    await services.link(user_id, other, "mobile", caller, **good.proof)
    await refused(services.link(user_id, number, "mobile", caller, **sent.wrong), "PROOF_REFUSED")
    await refused(services.link(user_id, number, "mobile", caller, **sent.proof), "PROOF_REFUSED")
    assert await services.links_of(user_id) == [other]


async def test_guesses_at_once_are_counted_each(services: Services) -> None:
    """Twice as many tries as there may be, all at once and the good one last: it comes too late."""
    user_id, caller = await services.user()
    number = unused_mobile()
    sent = await services.send(caller, phone_number=number)
    wrong = (services.link(user_id, number, "mobile", caller, **sent.wrong) for _ in range(2 * MAX_TRIES))
    answers = await asyncio.gather(*wrong, return_exceptions=True)
    assert all(isinstance(answer, grpc.aio.AioRpcError) for answer in answers)
    await refused(services.link(user_id, number, "mobile", caller, **sent.proof), "PROOF_REFUSED")


@pytest.mark.parametrize(
    "proof",
    [
        {},
        {"sms_code": "123456"},
        {"sms_code_id": "0197c3a2-6d0f-7b1e-9c55-3f0e2a8d4b61"},
        {"sms_code_id": "0197c3a2-6d0f-7b1e-9c55-3f0e2a8d4b61", "sms_code": "123456"},
        {"sms_code_id": "nonsense", "sms_code": "123456"},
        {"sms_code_id": "0197c3a2-6d0f-7b1e-9c55-3f0e2a8d4b61", "sms_code": "12345６"},  # noqa: RUF001
        {"link_ticket": "nonsense"},
        {"link_ticket": "A" * 64},
        {"link_ticket": "\x00"},
    ],
)
async def test_no_proof(services: Services, proof: dict[str, str]) -> None:
    user_id, caller = await services.user()
    refusal = await refused(services.link(user_id, unused_mobile(), "mobile", caller, **proof), "PROOF_REFUSED")
    assert refusal.code is grpc.StatusCode.PERMISSION_DENIED
    assert await services.links_of(user_id) == []


async def test_two_proofs_are_none(services: Services) -> None:
    user_id, caller = await services.user()
    both = {"sms_code_id": "x", "sms_code": "123456", "link_ticket": "A" * 64}
    await refused(services.link(user_id, unused(), caller=caller, **both), "FIELD_INVALID", "link_ticket")


async def test_only_itself(services: Services) -> None:
    user_id, caller = await services.user()
    other, _ = await services.user()
    number = unused_mobile()
    sent = await services.send(caller, phone_number=number)
    for somebody in (other, "nobody"):
        refusal = await refused(services.link(somebody, number, "mobile", caller, **sent.proof))
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND_LINK_USER")
    # Nothing was used up.
    await services.link(user_id, number, "mobile", caller, **sent.proof)


async def test_who_needs_no_proof_and_presents_one_presents_a_good_one(services: Services) -> None:
    user_id, caller = await services.user()
    number = unused_mobile()
    sent = await services.send(caller, phone_number=number)
    await refused(services.link(user_id, number, "mobile", **sent.wrong), "PROOF_REFUSED")
    await services.link(user_id, number, "mobile", **sent.proof)
    await refused(services.link(user_id, number, "mobile", caller, **sent.proof), "PROOF_REFUSED")


async def test_what_is_anothers_is_taken_also_for_who_proves_it_and_the_proof_ends(services: Services) -> None:
    owner, _ = await services.user()
    number = unused_mobile()
    await services.link(owner, number, "mobile")
    user_id, caller = await services.user()
    sent = await services.send(caller, phone_number=number)
    refusal = await refused(services.link(user_id, number, "mobile", caller, **sent.proof), "IDENTITY_TAKEN")
    assert owner not in refusal.message
    await services.unlink(owner, number, "mobile")
    await refused(services.link(user_id, number, "mobile", caller, **sent.proof), "PROOF_REFUSED")


async def test_a_superadmin_links_its_own(services: Services) -> None:
    superadmin = services.token.made["user_id"]
    app = await services.token.web_app(scopes=["ACCOUNT.ALL"])
    logged_on = await services.token.redeem(app, await services.token.code(app, superadmin))
    token = await services.link(superadmin, unused(), caller=bearer(logged_on.access_token))
    assert token.user_id == superadmin


async def test_a_disabled_user_links_nothing(services: Services) -> None:
    user_id, caller = await services.user()
    number = unused_mobile()
    sent = await services.send(caller, phone_number=number)
    await services.token.set_status(user_id, "disabled")
    refusal = await refused(services.link(user_id, number, "mobile", caller, **sent.proof))
    assert refusal.reason in ("LINK_USER_REFUSED", "UNAUTHENTICATED")
    assert await services.links_of(user_id) == []


async def test_a_code_lives_ten_minutes(services: Services, resources: Resources) -> None:
    """As of the last moment and as of the first one after it, by the statement that the call makes."""
    user_id, caller = await services.user()
    session_id, identity = session_of(caller), normalise("custom", unused())
    ticket = await create_link_ticket(
        resources, domain_id="bj1", user_id=user_id, session_id=session_id, identity=identity
    )
    proof = read_ticket(ticket)
    assert proof
    made = resources.clock.now()
    for later, verdict in ((timedelta(minutes=10, seconds=1), "refused"), (timedelta(minutes=9, seconds=50), "linked")):
        got = await resources.store.link_proven_identity(
            "bj1",
            identity,
            user_id,
            now=made + later,
            event_id=resources.new_id(),
            actor="test",
            proof=proof,
            mac=resources.proof_key.mac("bj1", user_id, identity, proof, session_id),
        )
        assert got == verdict
