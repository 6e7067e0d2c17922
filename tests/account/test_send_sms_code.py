"""SendSmsCode: who may, where it goes, how often, and that it tells nothing."""

import asyncio
import io
from contextlib import redirect_stderr
from datetime import timedelta
from pathlib import Path

import asyncpg
import grpc
import pytest
from prometheus_client import REGISTRY
from tessera.account.v1 import account_service_pb2
from tessera.account.v1 import domain_settings_service_pb2 as settings_pb2

from services.account.model import normalise
from services.account.model.proofs import CODES_PER_IDENTITY, CODES_PER_USER
from services.account.store import Store
from services.runtime.clock import Clock
from services.runtime.env import Address
from services.runtime.ids import uuid7
from tests.account.callers import Domain, keep_keys
from tests.account.linking import linked
from tests.account.running import Account, running_account
from tests.account.with_token import unused_mobile
from tests.support.calls import Metadata, refused
from tests.support.ports import free_ports
from tests.support.revocations import silent_feed


def send(account: Account, caller: Metadata, **address: str) -> grpc.aio.UnaryUnaryCall:
    return account.links.SendSmsCode(account_service_pb2.SendSmsCodeRequest(**address), metadata=caller)


async def shown(account: Account, caller: Metadata, **address: str) -> str:
    """What whoever holds the address gets."""
    with redirect_stderr(io.StringIO()) as out:
        answer = await send(account, caller, **address)
    assert answer.sms_code_id
    return out.getvalue()


def exceeded() -> float:
    """Codes refused for a limit, so far."""
    verdicts = ("identity", "user", "domain")
    values = (REGISTRY.get_sample_value("tessera_codes_total", {"type": "mobile", "verdict": v}) for v in verdicts)
    return sum(value or 0 for value in values)


@pytest.mark.parametrize(
    ("address", "to"),
    [
        ({"phone_number": "139 0000 1234"}, "mobile +8613900001234"),
        ({"phone_number": "+852 6123 4567"}, "mobile +85261234567"),
        ({"phone_number": "4165550123", "phone_region": "1"}, "mobile +14165550123"),
        ({"type": "link", "email": "Ann@Bücher.DE"}, "email ann@xn--bcher-kva.de"),
    ],
)
async def test_it_goes_to_the_identity_as_it_is_compared(
    alone: Account, domain: Domain, user_id: str, address: dict[str, str], to: str
) -> None:
    text = await shown(alone, domain.user(user_id), **address)
    assert text.startswith(f"to {to}: ")


@pytest.mark.parametrize(
    ("address", "reason", "field"),
    [
        ({}, "FIELD_MISSING", "phone_number"),
        ({"phone_number": "12345"}, "FIELD_INVALID", "phone_number"),
        ({"phone_number": "13900001234", "phone_region": "+86"}, "FIELD_INVALID", "phone_region"),
        ({"phone_number": "13900001234", "email": "ann@corp.com"}, "FIELD_INVALID", "email"),
        ({"email": "ann"}, "FIELD_INVALID", "email"),
        ({"email": "ann@corp.com\r\nbcc: bob@corp.com"}, "FIELD_INVALID", "email"),
        ({"type": "login", "phone_number": "13900001234"}, "FIELD_INVALID", "type"),
    ],
)
async def test_no_address(alone: Account, domain: Domain, address: dict[str, str], reason: str, field: str) -> None:
    await refused(send(alone, domain.user("ann"), **address), reason, field)


async def test_who_is_no_user_gets_none(alone: Account, domain: Domain) -> None:
    for caller in (domain.access_key("account.link", "token.impersonate"), domain.access_key("account.link.own")):
        await refused(send(alone, caller, phone_number="13900001234"), "PERMISSION_DENIED")


async def test_it_is_alike_whether_or_not_the_number_is_known(
    alone: Account, store: Store, domain: Domain, user_id: str
) -> None:
    known, unknown = unused_mobile(), unused_mobile()
    await linked(store, domain.id, normalise("mobile", known), "somebody else", Clock().now())
    texts = [await shown(alone, domain.user(user_id), phone_number=number) for number in (known, unknown)]
    # But for the number and the code.
    assert len({text[text.index(" is your code") :] for text in texts}) == 1


async def test_an_address_gets_so_many_an_hour_from_whomever(alone: Account, domain: Domain) -> None:
    number, before = unused_mobile(), exceeded()
    answers = await asyncio.gather(
        *(send(alone, domain.user(f"u{each}"), phone_number=number) for each in range(20)), return_exceptions=True
    )
    assert sum(not isinstance(answer, BaseException) for answer in answers) == CODES_PER_IDENTITY
    refusal = await refused(send(alone, domain.user("another"), phone_number=f"+86 {number}"), "SEND_LIMIT_EXCEEDED")
    assert refusal.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert exceeded() - before == 20 - CODES_PER_IDENTITY + 1


async def test_a_user_asks_for_so_many_an_hour_at_whichever_replica(
    alone: Account, account_dsn: str, tmp_path: Path, domain: Domain, user_id: str
) -> None:
    keep_keys(tmp_path, [domain.id])
    async with silent_feed() as token, running_account(account_dsn, tmp_path, token) as replica:
        caller = domain.user(user_id)
        for each in range(CODES_PER_USER):
            await send((alone, replica)[each % 2], caller, phone_number=unused_mobile())
        for account in (alone, replica):
            await refused(send(account, caller, phone_number=unused_mobile()), "SEND_LIMIT_EXCEEDED")
        await send(replica, domain.user("another"), phone_number=unused_mobile())


async def test_an_hour_later_there_are_codes_again(alone: Account, store: Store, domain: Domain, user_id: str) -> None:
    number = unused_mobile()
    for _ in range(CODES_PER_IDENTITY):
        await send(alone, domain.user(user_id), phone_number=number)
    for minutes, verdict in ((59, "identity"), (61, "begun")):
        now = Clock().now() + timedelta(minutes=minutes)
        identity = normalise("mobile", number)
        begun = await store.begin_code(domain.id, uuid7(now), user_id, identity, b"mac", now=now, per_domain=1000)
        assert begun == verdict


async def test_a_domain_sends_as_many_as_it_says(alone: Account, domain: Domain, other_domain: Domain) -> None:
    admin = domain.access_key("account.admin")
    settings = settings_pb2.DomainSettings(codes_per_hour=3)
    await alone.settings.UpdateDomainSettings(
        settings_pb2.UpdateDomainSettingsRequest(settings=settings), metadata=admin
    )
    for each in range(3):
        await send(alone, domain.user(f"u{each}"), phone_number=unused_mobile())
    await refused(send(alone, domain.user("another"), phone_number=unused_mobile()), "SEND_LIMIT_EXCEEDED")
    await send(alone, other_domain.user("another"), phone_number=unused_mobile())


async def test_without_a_sender_it_says_so_and_the_rest_goes_on(
    alone: Account, account_dsn: str, tmp_path: Path, domain: Domain, user_id: str
) -> None:
    keep_keys(tmp_path, [domain.id])
    async with (
        silent_feed() as token,
        running_account(account_dsn, tmp_path, token, sender="none") as account,
    ):
        for _ in range(CODES_PER_IDENTITY + 1):
            refusal = await refused(send(account, domain.user(user_id), phone_number="13900001234"), "UNAVAILABLE")
            assert "sender" in refusal.message
        request = account_service_pb2.GetLinkInfoByUserIdRequest(user_id=user_id)
        await account.links.GetLinkInfoByUserId(request, metadata=domain.user(user_id))
    # None of these counts when there is a sender.
    await send(alone, domain.user(user_id), phone_number="13900001234")


async def test_it_is_not_sent_on_stale_knowledge_of_what_is_revoked(
    account_dsn: str, tmp_path: Path, domain: Domain, user_id: str
) -> None:
    keep_keys(tmp_path, [domain.id])
    away = Address("127.0.0.1", free_ports(1)[0])
    async with running_account(account_dsn, tmp_path, away) as account:
        await refused(send(account, domain.user(user_id), phone_number="13900001234"), "UNAVAILABLE")


async def test_codes_are_stored_as_hashes(alone: Account, account_dsn: str, domain: Domain, user_id: str) -> None:
    text = await shown(alone, domain.user(user_id), phone_number=unused_mobile())
    code = text.partition(": ")[2][:6]
    connection = await asyncpg.connect(account_dsn)
    row = await connection.fetchrow("select * from account.proof where domain_id = $1", domain.id)
    await connection.close()
    assert row
    assert len(row["mac"]) == 32
    assert code.encode() not in row["mac"]
    assert code not in (value for value in map(str, row.values()))
