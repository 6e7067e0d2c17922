"""How links were stolen elsewhere, each tried here: by CVE, and the pre-hijacking attacks of arXiv 2205.10174."""

import asyncio
import base64
import itertools
import uuid

import grpc
import pytest
from tessera.token.v1 import session_service_pb2

from services.account.actions.proofs.create_link_ticket import create_link_ticket
from services.account.model import Identity, normalise
from services.account.model.proofs import MAX_TRIES, Presented, ProofKey, new_code, new_ticket
from services.account.resources import Resources
from tests.account.with_token import MAY_LINK, Services, session_of, unused, unused_mobile
from tests.support.calls import Metadata, bearer, believed, refused
from tests.support.token_client import new_p256


async def ticket_of(resources: Resources, user_id: str, caller: Metadata, type_: str, given: str) -> str:
    """What a logon would hand to a browser."""
    return await create_link_ticket(
        resources,
        domain_id="bj1",
        user_id=user_id,
        session_id=session_of(caller),
        identity=normalise(type_, given),
    )


async def test_cve_2026_1035_a_single_use_proof_is_spent_once_however_many_race(
    services: Services, resources: Resources
) -> None:
    user_id, caller = await services.user()
    identity = unused()
    ticket = await ticket_of(resources, user_id, caller, "custom", identity)
    calls = (services.link(user_id, identity, caller=caller, link_ticket=ticket) for _ in range(30))
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 1


async def test_cve_2026_50631_two_proofs_of_one_identity_that_race_give_one_token(services: Services) -> None:
    user_id, caller = await services.user()
    for _ in range(3):
        number = unused_mobile()
        proofs = [(await services.send(caller, phone_number=number)).proof for _ in range(2)]
        calls = (services.link(user_id, number, "mobile", caller, **proof) for proof in proofs * 5)
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(not isinstance(answer, BaseException) for answer in answers) == 1


async def test_cve_2026_9087_a_code_for_one_number_links_no_other(services: Services) -> None:
    user_id, caller = await services.user()
    mine, victims = unused_mobile(), unused_mobile()
    sent = await services.send(caller, phone_number=mine)
    await refused(services.link(user_id, victims, "mobile", caller, **sent.proof), "PROOF_REFUSED")
    await refused(services.link(user_id, f"{mine}@corp.com", "email", caller, **sent.proof), "PROOF_REFUSED")
    await services.link(user_id, mine, "mobile", caller, **sent.proof)


async def test_cve_2026_82968_a_ticket_is_for_the_exact_subject(services: Services, resources: Resources) -> None:
    user_id, caller = await services.user()
    name = f"Ann{unused()}"
    ticket = await ticket_of(resources, user_id, caller, "ldap", name)
    for other in (name.lower(), f"{name}x", name[:-1]):
        await refused(services.link(user_id, other, "ldap", caller, link_ticket=ticket), "PROOF_REFUSED")
    assert await services.links_of(user_id) == []


async def test_cve_2026_92358_every_copy_of_a_proof_ends_with_the_first_success(
    services: Services, resources: Resources
) -> None:
    user_id, caller = await services.user()
    other_id, other = await services.user()
    number = unused_mobile()
    copies = [(await services.send(caller, phone_number=number)).proof for _ in range(2)]
    copies.append({"link_ticket": await ticket_of(resources, user_id, caller, "mobile", number)})
    anothers = (await services.send(other, phone_number=number)).proof
    await services.link(user_id, number, "mobile", caller, **copies[0])
    for copy in copies:
        await refused(services.link(user_id, number, "mobile", caller, **copy), "PROOF_REFUSED")
    await services.unlink(user_id, number, "mobile")
    await refused(services.link(other_id, number, "mobile", other, **anothers), "PROOF_REFUSED")


@pytest.mark.parametrize("same", [True, False])
async def test_cve_2026_92358_unlinking_ends_pending_proofs(services: Services, same: bool) -> None:
    """Those of the identity, whose ever they are; and those of the user, whatever they are for."""
    user_id, caller = await services.user()
    linked, further = unused_mobile(), unused_mobile()
    await services.link(user_id, linked, "mobile")
    number = linked if same else further
    pending = (await services.send(caller, phone_number=number)).proof
    other_id, other = await services.user()
    anothers = (await services.send(other, phone_number=number)).proof
    await services.unlink(user_id, linked, "mobile", caller)
    await refused(services.link(user_id, number, "mobile", caller, **pending), "PROOF_REFUSED")
    if same:
        await refused(services.link(other_id, number, "mobile", other, **anothers), "PROOF_REFUSED")
    else:
        # Nobody ends another's by unlinking what is not linked.
        await services.link(other_id, number, "mobile", other, **anothers)


async def test_unlinking_what_is_anothers_ends_nobodys_proof(services: Services) -> None:
    user_id, caller = await services.user()
    attacker_id, attacker = await services.user()
    number = unused_mobile()
    pending = (await services.send(caller, phone_number=number)).proof
    await services.unlink(attacker_id, number, "mobile", attacker)
    await services.link(user_id, number, "mobile", caller, **pending)


async def test_guesses_of_somebody_else_use_up_nobodys_tries(services: Services) -> None:
    user_id, caller = await services.user()
    attacker_id, attacker = await services.user()
    number = unused_mobile()
    sent = await services.send(caller, phone_number=number)
    for _ in range(MAX_TRIES + 1):
        await refused(services.link(attacker_id, number, "mobile", attacker, **sent.wrong), "PROOF_REFUSED")
        await refused(services.link(user_id, unused_mobile(), "mobile", caller, **sent.proof), "PROOF_REFUSED")
    await services.link(user_id, number, "mobile", caller, **sent.proof)


def test_cve_2026_15571_a_ticket_is_random() -> None:
    proof_id = uuid.uuid4()
    secrets = {new_ticket(proof_id)[1] for _ in range(1000)}
    assert len(secrets) == 1000
    assert {len(secret) for secret in secrets} == {64}
    assert len({new_code() for _ in range(1000)}) > 900


@pytest.mark.parametrize("own", [True, False])
async def test_cve_2026_15571_a_ticket_is_of_one_session(services: Services, resources: Resources, own: bool) -> None:
    """Also where it is another session of the same user: whose browser that is, nobody knows."""
    user_id, caller = await services.user()
    identity = unused()
    ticket = await ticket_of(resources, user_id, caller, "custom", identity)
    elsewhere_id, elsewhere = (user_id, await services.logged_on(user_id)) if own else await services.user()
    await refused(services.link(elsewhere_id, identity, caller=elsewhere, link_ticket=ticket), "PROOF_REFUSED")
    await services.link(user_id, identity, caller=caller, link_ticket=ticket)


async def test_cve_2026_7507_no_step_is_skipped(services: Services) -> None:
    """A code without its id, an id without its code, and an id of nothing."""
    user_id, caller = await services.user()
    number = unused_mobile()
    sent = await services.send(caller, phone_number=number)
    unknown = {"sms_code": sent.code, "sms_code_id": str(uuid.uuid4())}
    halves = ({"sms_code": sent.code}, {"sms_code_id": sent.id}, unknown)
    for half in halves:
        await refused(services.link(user_id, number, "mobile", caller, **half), "PROOF_REFUSED")


async def test_cve_2026_18963_a_ticket_is_nothing_without_the_browsers_session(
    services: Services, resources: Resources
) -> None:
    """Who has no session cannot be who logged on in it; and none is made that a caller without one would fit."""
    user_id, caller = await services.user()
    identity = unused()
    ticket = await ticket_of(resources, user_id, caller, "custom", identity)
    await refused(services.link(user_id, identity, link_ticket=ticket), "PROOF_REFUSED")
    with pytest.raises(ValueError, match="session"):
        await create_link_ticket(
            resources, domain_id="bj1", user_id=user_id, session_id="", identity=normalise("custom", identity)
        )
    await services.link(user_id, identity, caller=caller, link_ticket=ticket)


async def test_cve_2026_16103_the_lock_is_looked_at_when_the_code_comes(services: Services) -> None:
    user_id, caller = await services.user()
    number = unused_mobile()
    sent = await services.send(caller, phone_number=number)
    for _ in range(MAX_TRIES):
        await refused(services.link(user_id, number, "mobile", caller, **sent.wrong), "PROOF_REFUSED")
    await refused(services.link(user_id, number, "mobile", caller, **sent.proof), "PROOF_REFUSED")


async def test_cve_2026_105207_a_proof_of_the_identity_is_none_of_the_account(services: Services) -> None:
    """Whoever proves an identity links it to the account that it is logged on to, and to no other."""
    victim, _ = await services.user()
    _, attacker = await services.user()
    number = unused_mobile()
    sent = await services.send(attacker, phone_number=number)
    await refused(services.link(victim, number, "mobile", attacker, **sent.proof), "NOT_FOUND_LINK_USER")
    assert await services.links_of(victim) == []


async def test_cve_2026_105215_an_identity_that_the_caller_names_is_not_proven_by_that(services: Services) -> None:
    user_id, caller = await services.user()
    number = unused_mobile()
    sent = await services.send(caller, phone_number=number)
    for type_ in ("ding", "ram", "wechat", "ldap", "custom"):
        for proof in ({}, sent.proof):
            await refused(services.link(user_id, number, type_, caller, **proof), "PROOF_REFUSED")
    assert await services.links_of(user_id) == []


async def test_cve_2026_105209_another_domains_user_does_not_exist(services: Services) -> None:
    tenant = await services.token.tenant(f"t{uuid.uuid4().hex[:8]}")
    theirs, identity = await tenant.user(), unused()
    caller = [*services.caller, ("x-tessera-domain", tenant.made["domain_id"]), ("host", tenant.made["domain_id"])]
    refusal = await refused(services.link(theirs, identity, caller=caller), "NOT_FOUND_LINK_USER")
    assert refusal.code is grpc.StatusCode.NOT_FOUND
    _, own = await services.user()
    await refused(services.link(theirs, identity, caller=own), "NOT_FOUND_LINK_USER")
    # The same identity is free there, whoever has it here.
    await services.link(await services.token.user(), identity)
    there = await tenant.caller(*MAY_LINK)
    await believed(lambda: services.link("nobody", identity, caller=there))
    assert (await services.link(theirs, identity, caller=there)).domain_id == tenant.made["domain_id"]
    assert await services.links_of(theirs) == []


@pytest.mark.parametrize(("proven", "claimed"), [*itertools.permutations(("ding", "wechat", "custom"), 2)])
async def test_cve_2026_109372_a_ticket_is_of_the_provider_that_made_it(
    services: Services, resources: Resources, proven: str, claimed: str
) -> None:
    user_id, caller = await services.user()
    identity = unused()
    ticket = await ticket_of(resources, user_id, caller, proven, identity)
    await refused(services.link(user_id, identity, claimed, caller, link_ticket=ticket), "PROOF_REFUSED")


async def test_cve_2026_119128_what_the_database_holds_makes_no_proof(services: Services, resources: Resources) -> None:
    """The hash is keyed: neither it, nor one that is computed without the key, is what was handed out."""
    user_id, caller = await services.user()
    identity = normalise("custom", unused())
    ticket = await ticket_of(resources, user_id, caller, "custom", identity.given)
    raw = base64.urlsafe_b64decode(ticket)
    proof = Presented("ticket", uuid.UUID(bytes=raw[:16]), raw[16:].hex())
    stored = resources.proof_key.mac("bj1", user_id, identity, proof, session_of(caller))
    forged = ProofKey(new_p256()).mac("bj1", user_id, identity, proof, session_of(caller))
    assert stored != forged
    for guess in (stored, forged):
        shown = base64.urlsafe_b64encode(raw[:16] + guess).decode()
        await refused(services.link(user_id, identity.given, caller=caller, link_ticket=shown), "PROOF_REFUSED")


async def test_a_proof_is_of_its_domain_its_user_and_its_kind() -> None:
    key, proof = ProofKey(new_p256()), Presented("ticket", uuid.uuid4(), "00")
    identity = Identity("custom", "a", "a")
    macs = {
        key.mac("bj1", "ann", identity, proof, "s1"),
        key.mac("bj2", "ann", identity, proof, "s1"),
        key.mac("bj1", "bob", identity, proof, "s1"),
        key.mac("bj1", "ann", Identity("ldap", "a", "a"), proof, "s1"),
        key.mac("bj1", "ann", Identity("custom", "b", "b"), proof, "s1"),
        key.mac("bj1", "ann", identity, proof, "s2"),
        key.mac("bj1", "ann", identity, Presented("code", proof.proof_id, "00"), "s1"),
        key.mac("bj1", "ann", identity, Presented("ticket", proof.proof_id, "01"), "s1"),
    }
    assert len(macs) == 8


async def test_cve_2026_49448_an_empty_call_links_nothing(services: Services) -> None:
    user_id, caller = await services.user()
    await refused(services.link("", "", "", caller), "FIELD_MISSING")
    await refused(services.link(user_id, unused(), caller=caller), "PROOF_REFUSED")
    empty = {"sms_code_id": "", "sms_code": "", "link_ticket": ""}
    await refused(services.link(user_id, unused(), caller=caller, **empty), "PROOF_REFUSED")


async def test_a_token_that_somebody_else_got_for_a_user_links_nothing_unproven(services: Services) -> None:
    user_id = await services.token.user()
    token = await services.link(user_id, unused())
    await refused(services.link(user_id, unused(), caller=bearer(token.access_token)), "PROOF_REFUSED")


@pytest.mark.parametrize("victims", ["Mike", "straße"])
async def test_an_address_that_looks_alike_to_a_computer_gets_no_code_for_another(
    services: Services, victims: str
) -> None:
    """`K` (Kelvin) is `k` in lower case, and `ss` is `ß` where case is folded: mailboxes of different people."""
    user_id, caller = await services.user()
    alike = {"Mike": "Mi\u212ae", "straße": "strasse"}[victims]
    host = f"{unused()}.com"
    sent = await services.send(caller, email=f"{alike}@{host}")
    if normalise("email", f"{alike}@{host}").key != normalise("email", f"{victims}@{host}").key:
        await refused(services.link(user_id, f"{victims}@{host}", "email", caller, **sent.proof), "PROOF_REFUSED")
    else:
        # They are one identity: then the code went to that one, and not to the one that was written.
        assert sent.address == normalise("email", f"{victims}@{host}").key


async def test_pre_hijacking_classic_federated_merge(services: Services, resources: Resources) -> None:
    """An account that the attacker made first gets nothing of the victim's, who comes later and is alone with it."""
    attacker_id, attacker = await services.user()
    victims = f"{unused()}@corp.com"
    await refused(services.link(attacker_id, victims, "email", attacker), "PROOF_REFUSED")
    victim_id, victim = await services.user()
    ticket = await ticket_of(resources, victim_id, victim, "email", victims)
    token = await services.link(victim_id, victims, "email", victim, link_ticket=ticket)
    assert token.user_id == victim_id
    assert await services.links_of(attacker_id) == []


async def test_pre_hijacking_unexpired_session(services: Services) -> None:
    """A session that the victim has ended links nothing, whatever it asked for before."""
    user_id, attackers = await services.user()
    number = unused_mobile()
    pending = (await services.send(attackers, phone_number=number)).proof
    request = session_service_pb2.RevokeUserSessionsRequest(user_id=user_id)
    await services.token.sessions.RevokeUserSessions(request, metadata=await services.token.operator())
    # Everybody knows within a second.
    async with asyncio.timeout(10):
        while True:
            refusal = await refused(services.link(user_id, number, "mobile", attackers))
            if refusal.reason == "UNAUTHENTICATED":
                break
            await asyncio.sleep(0.1)
    await refused(services.link(user_id, number, "mobile", attackers, **pending), "UNAUTHENTICATED")
    assert await services.links_of(user_id) == []


async def test_pre_hijacking_trojan_identifier(services: Services) -> None:
    """What the attacker added is shown to the victim, goes when it is taken away, and does not come back by itself."""
    user_id, shared = await services.user()
    trojan = unused_mobile()
    await services.link(user_id, trojan, "mobile", shared, **(await services.send(shared, phone_number=trojan)).proof)
    again = (await services.send(shared, phone_number=trojan)).proof
    victim = await services.logged_on(user_id)
    assert await services.links_of(user_id) == [trojan]
    await services.unlink(user_id, trojan, "mobile", victim)
    await refused(services.link(user_id, trojan, "mobile", shared, **again), "PROOF_REFUSED")
    assert await services.links_of(user_id) == []


async def test_pre_hijacking_unexpired_email_change(services: Services) -> None:
    """A change that the attacker began does not outlive the victim's putting things in order."""
    user_id, shared = await services.user()
    address, attackers = f"{unused()}@corp.com", f"{unused()}@evil.com"
    await services.link(user_id, address, "email")
    pending = (await services.send(shared, email=attackers)).proof
    await services.unlink(user_id, address, "email", await services.logged_on(user_id))
    await refused(services.link(user_id, attackers, "email", shared, **pending), "PROOF_REFUSED")


async def test_pre_hijacking_non_verifying_provider(services: Services, resources: Resources) -> None:
    """A ticket of a provider proves its own identity, not the address that stands in the profile there."""
    user_id, caller = await services.user()
    victims = f"{unused()}@corp.com"
    ticket = await ticket_of(resources, user_id, caller, "custom", victims)
    await refused(services.link(user_id, victims, "email", caller, link_ticket=ticket), "PROOF_REFUSED")
    assert await services.links_of(user_id) == []
