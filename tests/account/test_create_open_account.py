"""CreateOpenAccount."""

import asyncio
import uuid

import grpc
import pytest
from tessera.account.v1 import account_admin_pb2, account_admin_service_pb2

from services.account.model import UserId
from services.account.store import Store
from services.runtime.clock import Clock
from tests.account.callers import Domain
from tests.account.running import Account
from tests.account.whole_users import WholeUsers
from tests.support.calls import refusal_in, refused
from tests.support.token import DOMAIN


def request(**changed: str) -> account_admin_service_pb2.CreateOpenAccountRequest:
    values = {"project_id": "p1", "idp": "ALIOS", "open_id": "12345"}
    return account_admin_service_pb2.CreateOpenAccountRequest(**(values | changed))


async def test_what_was_given_is_kept(alone: Account, store: Store, domain: Domain) -> None:
    await store.insert_project(domain.id, "p1", "Cars", Clock().now())
    given = {"user_id": "u1", "display_name": "Ann", "login_id": "ann", "mobile": "13900001234", "region": "cn"}
    answer = await alone.admin.CreateOpenAccount(request(**given), metadata=domain.access_key("account.admin"))
    account = await store.select_open_account(domain.id, uuid.UUID(answer.identity_id))
    assert account
    assert {name: getattr(account, name) for name in given} == given
    assert (account.create_access_key, account.status, account.type) == ("AK1", 0, 1)


async def test_one_account_for_each_provider_and_id(alone: Account, store: Store, domain: Domain) -> None:
    for project in ("p1", "p2"):
        await store.insert_project(domain.id, project, "Cars", Clock().now())
    caller = domain.access_key("account.admin")
    await alone.admin.CreateOpenAccount(request(), metadata=caller)
    assert (
        await refused(alone.admin.CreateOpenAccount(request(), metadata=caller))
    ).reason == "ALREADY_EXISTS_OPEN_ACCOUNT"
    for different in ({"idp": "OTHER"}, {"open_id": "12346"}, {"project_id": "p2"}):
        await alone.admin.CreateOpenAccount(request(**different), metadata=caller)


async def test_anothers_project_does_not_exist(
    alone: Account, store: Store, domain: Domain, other_domain: Domain
) -> None:
    await store.insert_project(other_domain.id, "p1", "Theirs", Clock().now())
    refusal = await refused(alone.admin.CreateOpenAccount(request(), metadata=domain.access_key("account.admin")))
    assert refusal.reason == "NOT_FOUND_PROJECT"


@pytest.mark.parametrize(
    ("changed", "reason", "field"),
    [
        ({"project_id": ""}, "FIELD_MISSING", "project_id"),
        ({"idp": ""}, "FIELD_MISSING", "idp"),
        ({"open_id": ""}, "FIELD_MISSING", "open_id"),
        ({"project_id": "a b"}, "FIELD_INVALID", "project_id"),
        ({"idp": "x" * 65}, "FIELD_INVALID", "idp"),
        ({"open_id": "x" * 256}, "FIELD_INVALID", "open_id"),
        ({"user_id": "\x00"}, "FIELD_INVALID", "user_id"),
        ({"display_name": "x" * 129}, "FIELD_INVALID", "display_name"),
        ({"login_id": "\n"}, "FIELD_INVALID", "login_id"),
        ({"mobile": "1" * 33}, "FIELD_INVALID", "mobile"),
        ({"region": "x" * 33}, "FIELD_INVALID", "region"),
    ],
)
async def test_no_open_account(
    alone: Account, domain: Domain, changed: dict[str, str], reason: str, field: str
) -> None:
    caller = domain.access_key("account.admin")
    refusal = await refused(alone.admin.CreateOpenAccount(request(**changed), metadata=caller))
    assert (refusal.reason, refusal.field) == (reason, field)


async def test_for_a_user_who_was_deleted(alone: Account, store: Store, domain: Domain) -> None:
    await store.insert_project(domain.id, "p1", "Cars", Clock().now())
    caller, again = domain.access_key("account.admin"), {"request_id": str(uuid.uuid4()), "user_id": "gone"}
    made = await alone.admin.CreateOpenAccount(request(**again), metadata=caller)
    free = await alone.admin.CreateOpenAccount(request(open_id="free"), metadata=caller)
    await store.forget_users([UserId(domain.id, "gone")], Clock().now())
    # Who did not hear the answer is told it.
    assert await alone.admin.CreateOpenAccount(request(**again), metadata=caller) == made
    call = alone.admin.CreateOpenAccount(request(open_id="2", user_id="gone"), metadata=caller)
    assert (await refused(call, "NOT_FOUND_LINK_USER")).code is grpc.StatusCode.NOT_FOUND
    record = account_admin_pb2.OpenAccountRecord(identity_id=free.identity_id, user_id="gone")
    update = account_admin_service_pb2.UpdateOpenAccountRequest(open_account=record)
    await refused(alone.admin.UpdateOpenAccount(update, metadata=caller), "NOT_FOUND_LINK_USER")


async def test_made_while_its_user_is_deleted_at_token(whole_users: WholeUsers) -> None:
    """By calls, until they are refused, since account has heard of it: none of them is the user's then."""
    made = 0

    async def make(user_id: str) -> None:
        nonlocal made
        while True:
            try:
                await whole_users.open_account(user_id)
            except grpc.aio.AioRpcError as error:
                assert refusal_in(error).reason == "NOT_FOUND_LINK_USER"  # noqa: PT017 no other may pass
                return
            made += 1

    query = "select count(*) from account.open_account where domain_id = $1 and user_id = $2"
    async with asyncio.timeout(100):
        for _ in range(10):
            user_id = await whole_users.token.user()
            await asyncio.gather(*(make(user_id) for _ in range(4)), whole_users.token.delete_user(user_id))
            ((left,),) = await whole_users.database.fetch(query, DOMAIN, user_id)
            assert left == 0
    assert made > 0


async def test_who_may_not(alone: Account, domain: Domain) -> None:
    refusal = await refused(alone.admin.CreateOpenAccount(request(), metadata=domain.user("admin", "admin")))
    assert refusal.reason == "PERMISSION_DENIED"
