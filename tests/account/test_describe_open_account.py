"""DescribeOpenAccount."""

import uuid

import grpc
import pytest
import pytest_asyncio
from google.protobuf.json_format import MessageToDict
from tessera.account.v1 import account_admin_service_pb2, account_service_pb2

from services.account.store import Store
from services.runtime.clock import Clock
from tests.account.callers import Domain
from tests.account.running import Account
from tests.support.calls import refused
from tests.support.samples import DESCRIBE_OPEN_ACCOUNT

REQUEST_ID = "9c7a3b09-a69a-43f5-8bf2-84f7119810eb"


def request(**fields: str) -> account_service_pb2.DescribeOpenAccountRequest:
    return account_service_pb2.DescribeOpenAccountRequest(**fields)


@pytest_asyncio.fixture
async def identity_id(alone: Account, store: Store, domain: Domain) -> str:
    """The open account of the vendor's sample."""
    await store.insert_project(domain.id, "projectTest", "Cars", Clock().now())
    answer = await alone.admin.CreateOpenAccount(
        account_admin_service_pb2.CreateOpenAccountRequest(
            project_id="projectTest",
            idp="ALIOS",
            open_id="12345",
            display_name="displaynametest",
            login_id="loginidtest",
            mobile="13900001234",
            region="cn",
        ),
        metadata=domain.access_key("account.admin"),
    )
    return str(answer.identity_id)


async def test_the_vendors_sample_key_by_key(alone: Account, domain: Domain, identity_id: str) -> None:
    answer = await alone.open_accounts.DescribeOpenAccount(
        request(identity_id=identity_id),
        metadata=[*domain.access_key("account.describe"), ("x-request-id", REQUEST_ID)],
    )
    assert MessageToDict(answer, always_print_fields_with_no_presence=True) == {
        "RequestId": REQUEST_ID.upper(),
        "OpenAccount": DESCRIBE_OPEN_ACCOUNT["OpenAccount"]
        | {"AliyunId": domain.id, "CreateAccessKey": "AK1", "IdentityId": identity_id},
    }


@pytest.mark.parametrize(
    "agreeing",
    [
        {"project_id": "projectTest"},
        {"open_id": "12345"},
        {"idp": "ALIOS"},
        {"region_id": "cn-shanghai"},
        {"project_id": "projectTest", "open_id": "12345", "idp": "ALIOS"},
    ],
)
async def test_what_is_given_beside_agrees(
    alone: Account, domain: Domain, identity_id: str, agreeing: dict[str, str]
) -> None:
    answer = await alone.open_accounts.DescribeOpenAccount(
        request(identity_id=identity_id, **agreeing), metadata=domain.user("boss", "admin")
    )
    assert answer.open_account.identity_id == identity_id


@pytest.mark.parametrize(
    ("changed", "code", "reason", "field"),
    [
        ({"open_id": "12346"}, grpc.StatusCode.INVALID_ARGUMENT, "PARAMETERS_DISAGREE", "OpenId"),
        ({"idp": "OTHER"}, grpc.StatusCode.INVALID_ARGUMENT, "PARAMETERS_DISAGREE", "Idp"),
        ({"project_id": "other"}, grpc.StatusCode.NOT_FOUND, "NOT_FOUND_OPEN_ACCOUNT", ""),
        ({"identity_id": str(uuid.uuid4())}, grpc.StatusCode.NOT_FOUND, "NOT_FOUND_OPEN_ACCOUNT", ""),
        ({"identity_id": "identityidtest"}, grpc.StatusCode.NOT_FOUND, "NOT_FOUND_OPEN_ACCOUNT", ""),
        ({"identity_id": "\x00"}, grpc.StatusCode.NOT_FOUND, "NOT_FOUND_OPEN_ACCOUNT", ""),
        ({"id_token": "eyJ", "idp": "ALIOS"}, grpc.StatusCode.INVALID_ARGUMENT, "IDP_NOT_REGISTERED", ""),
    ],
)
async def test_no_such_account(
    alone: Account,
    domain: Domain,
    identity_id: str,
    *,
    changed: dict[str, str],
    code: grpc.StatusCode,
    reason: str,
    field: str,
) -> None:
    refusal = await refused(
        alone.open_accounts.DescribeOpenAccount(
            request(**({"identity_id": identity_id} | changed)), metadata=domain.access_key("account.describe")
        )
    )
    assert (refusal.code, refusal.reason, refusal.field) == (code, reason, field)


async def test_a_token_that_nobody_can_verify_is_not_passed_over(
    alone: Account, domain: Domain, identity_id: str
) -> None:
    call = alone.open_accounts.DescribeOpenAccount(
        request(identity_id=identity_id, id_token="no provider is named with it"),
        metadata=domain.user("boss", "admin"),
    )
    await refused(call, "FIELD_MISSING", "Idp")


@pytest.mark.parametrize(
    "given", [{}, {"id_token": "eyJ"}, {"idp": "ALIOS"}, {"open_id": "12345"}, {"idp": "ALIOS", "open_id": "12345"}]
)
async def test_neither_id_nor_token(alone: Account, domain: Domain, given: dict[str, str]) -> None:
    refusal = await refused(
        alone.open_accounts.DescribeOpenAccount(request(**given), metadata=domain.access_key("account.describe"))
    )
    assert (refusal.reason, refusal.field) == ("FIELD_MISSING", "IdentityId")
    assert "IdentityId" in refusal.message
    assert "IdToken" in refusal.message


async def test_a_token_alone_finds_nothing_without_a_provider(alone: Account, domain: Domain) -> None:
    refusal = await refused(
        alone.open_accounts.DescribeOpenAccount(
            request(id_token="eyJ", idp="ALIOS"), metadata=domain.access_key("account.describe")
        )
    )
    assert refusal.reason == "IDP_NOT_REGISTERED"


async def test_another_domains_account_does_not_exist(alone: Account, other_domain: Domain, identity_id: str) -> None:
    refusal = await refused(
        alone.open_accounts.DescribeOpenAccount(
            request(identity_id=identity_id), metadata=other_domain.access_key("account.describe")
        )
    )
    assert refusal.reason == "NOT_FOUND_OPEN_ACCOUNT"


@pytest.mark.parametrize("given", [None, "", "not a UUID"])
async def test_a_request_id_is_made_where_none_came(
    alone: Account, domain: Domain, identity_id: str, given: str | None
) -> None:
    metadata = domain.access_key("account.describe") + ([("x-request-id", given)] if given is not None else [])
    answer = await alone.open_accounts.DescribeOpenAccount(request(identity_id=identity_id), metadata=metadata)
    assert str(uuid.UUID(answer.request_id)).upper() == answer.request_id


async def test_who_may_not(alone: Account, domain: Domain, identity_id: str) -> None:
    for caller in (domain.user("u1"), domain.access_key("account.link")):
        refusal = await refused(
            alone.open_accounts.DescribeOpenAccount(request(identity_id=identity_id), metadata=caller)
        )
        assert refusal.reason == "PERMISSION_DENIED"
