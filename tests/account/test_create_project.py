"""CreateProject."""

import uuid

import pytest
from tessera.account.v1 import account_admin_service_pb2

from tests.account.callers import Domain
from tests.account.running import Account
from tests.support.calls import refused


def request(project_id: str = "", name: str = "Cars") -> account_admin_service_pb2.CreateProjectRequest:
    return account_admin_service_pb2.CreateProjectRequest(project_id=project_id, name=name)


async def test_an_id_is_kept_or_made(alone: Account, domain: Domain) -> None:
    caller = domain.access_key("account.admin")
    assert (await alone.admin.CreateProject(request("projectTest"), metadata=caller)).project_id == "projectTest"
    made = [(await alone.admin.CreateProject(request(), metadata=caller)).project_id for _ in range(2)]
    assert [uuid.UUID(each).version for each in made] == [7, 7]
    assert made[0] != made[1]


async def test_an_id_is_one_domains_once(alone: Account, domain: Domain, other_domain: Domain) -> None:
    await alone.admin.CreateProject(request("p1"), metadata=domain.access_key("account.admin"))
    refusal = await refused(alone.admin.CreateProject(request("p1"), metadata=domain.access_key("account.admin")))
    assert refusal.reason == "ALREADY_EXISTS_PROJECT"
    await alone.admin.CreateProject(request("p1"), metadata=other_domain.access_key("account.admin"))


@pytest.mark.parametrize(
    ("project_id", "name", "reason", "field"),
    [
        ("", "", "FIELD_MISSING", "name"),
        ("a b", "Cars", "FIELD_INVALID", "project_id"),
        ("p1\n", "Cars", "FIELD_INVALID", "project_id"),
        ("x" * 65, "Cars", "FIELD_INVALID", "project_id"),
        ("p1", "x" * 129, "FIELD_INVALID", "name"),
        ("p1", "Ca\x00rs", "FIELD_INVALID", "name"),
    ],
)
async def test_no_project(
    alone: Account, domain: Domain, *, project_id: str, name: str, reason: str, field: str
) -> None:
    caller = domain.access_key("account.admin")
    refusal = await refused(alone.admin.CreateProject(request(project_id, name), metadata=caller))
    assert (refusal.reason, refusal.field) == (reason, field)


async def test_who_may(alone: Account, domain: Domain) -> None:
    await alone.admin.CreateProject(request(), metadata=domain.user("boss", "superadmin"))
    for caller in (domain.user("admin", "admin"), domain.access_key("account.link")):
        assert (await refused(alone.admin.CreateProject(request(), metadata=caller))).reason == "PERMISSION_DENIED"
