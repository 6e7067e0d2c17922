"""The vendors' clients, unchanged and as programs of their own, pointed at the gateway."""

import asyncio
import json
import os
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from defusedxml import ElementTree

from tests.support.world import World

FOLDER = Path(__file__).parents[1] / "sdk"
PYTHON = Path(__file__).parents[2] / ".venv/sdk/bin/python"

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="the vendors' clients are not installed: make .venv/.sdk")

Answers = list[dict[str, Any]]


@dataclass(frozen=True)
class Job:
    """Calls by one client, with what else it is told: by the demo's access key, where nothing else is said."""

    calls: list[Any]
    more: dict[str, Any] = field(default_factory=dict)


async def run(script: str, world: World, *jobs: Job) -> list[Answers]:
    """Make calls by clients, one after the other: each of the programs takes long to start."""
    demo = world.demo
    common = {
        "endpoint": urlsplit(world.gateway).netloc,
        "key": demo["access_key_id"],
        "secret": demo["access_key_secret"],
    }
    process = await asyncio.create_subprocess_exec(
        PYTHON,
        FOLDER / script,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"NO_PROXY": "*"},
    )
    told, complaints = await process.communicate(
        json.dumps([common | {"calls": job.calls} | job.more for job in jobs]).encode()
    )
    assert process.returncode == 0, complaints.decode()
    return list(json.loads(told))


async def test_pds(world: World) -> None:
    async with world.http() as http:
        headers = await world.bearer(http)
    ways = (
        {},
        {"signature_version": "v4"},
        {"bearer_token": headers["authorization"].removeprefix("Bearer ")},
    )
    user_id = world.demo["user_id"]
    # Not ASCII, and with what escapes could go wrong at.
    identities = [f"标识 +&=%/{uuid.uuid4()}" for _ in ways]
    jobs = [Job(_links(user_id, identity), way) for identity, way in zip(identities, ways, strict=True)]
    for identity, answers in zip(identities, await run("pds.py", world, *jobs), strict=True):
        linked, found, listed, unlinked, gone, wrong = answers
        assert linked["status"] == 200, linked
        assert linked["body"]["user_id"] == user_id
        assert linked["body"]["access_token"]
        assert (found["body"]["identity"], found["body"]["user_id"]) == (identity, user_id)
        assert identity in [item["identity"] for item in listed["body"]["items"]]
        assert unlinked["status"] in (200, 204)
        assert (gone["status"], gone["code"]) == (404, "NotFound.AccountLink")
        assert (wrong["status"], wrong["code"]) == (400, "InvalidParameter")


def _links(user_id: str, identity: str) -> list[Any]:
    link = {"user_id": user_id, "type": "custom", "identity": identity}
    return [
        ("link_account", link),
        ("get_link_info", {"type": "custom", "identity": identity}),
        ("get_link_info_by_user_id", {"user_id": user_id}),
        ("un_link_account", link),
        ("get_link_info", {"type": "custom", "identity": identity}),
        ("link_account", link | {"type": "pigeon"}),
    ]


async def test_pds_refused(world: World) -> None:
    tokens = [("token", world.by_assertion()), ("token", world.by_assertion() | {"client_id": "nobody"})]
    call = ("get_link_info_by_user_id", {"user_id": "u"})
    wrong = [
        Job([call], {"signature_version": version} | more)
        for version in (None, "v4")
        for more in ({"key": "nobody"}, {"secret": "wrong"})
    ]
    (fine, refused), *others = await run("pds.py", world, Job(tokens), *wrong)
    assert fine["body"]["access_token"]
    assert (refused["status"], refused["code"]) == (401, "InvalidParameter.ClientId")
    for (answer,) in others:
        assert (answer["status"], answer["code"]) == (401, "SignatureDoesNotMatch")


def describe(world: World, method: str, where: str, output: str = "JSON") -> dict[str, Any]:
    """DescribeOpenAccount, with what escapes could go wrong at beside it, in the query or the form."""
    more = {"ProjectId": world.demo["project_id"], "IdentityId": world.demo["identity_id"], "Remark": "中 ~*+/&=%"}
    return {"action": "DescribeOpenAccount", "method": method, "format": output, where: more}


WAYS = [("GET", "query"), ("POST", "query"), ("POST", "form")]
FORMS = ("JSON", "XML")


async def test_rpc(world: World) -> None:
    jobs = [Job([describe(world, *way, form) for way in WAYS]) for form in FORMS]
    in_json, in_xml = await run("rpc.py", world, *jobs)
    for answer in in_json:
        body = json.loads(answer["body"])
        assert body["OpenAccount"]["IdentityId"] == world.demo["identity_id"]
        assert body["OpenAccount"]["Status"] == 0
        uuid.UUID(body["RequestId"])
    for answer in in_xml:
        root = ElementTree.fromstring(answer["body"])
        assert root.tag == "DescribeOpenAccountResponse"
        assert root.findtext("OpenAccount/IdentityId") == world.demo["identity_id"]


async def test_rpc_refused(world: World) -> None:
    calls = [describe(world, *way) for way in WAYS]
    missing = describe(world, "GET", "query") | {"query": {}}
    nobodys, wrong, compared, (lacking, unknown) = await run(
        "rpc.py",
        world,
        Job(calls, {"key": "nobody"}),
        Job(calls, {"secret": "wrong"}),
        Job([call | {"known": True} for call in calls], {"secret": "wrong"}),
        Job([missing, missing | {"action": "Nothing"}]),
    )
    for answer in nobodys:
        assert (answer["status"], answer["code"]) == (404, "InvalidAccessKeyId.NotFound")
        assert answer["message"] == "Specified access key is not found."
        uuid.UUID(answer["request_id"])
    for answer in wrong:
        assert (answer["status"], answer["code"]) == (400, "SignatureDoesNotMatch")
    for answer in compared:
        # The client compared what the server wanted signed with what it had signed, and found the two the same.
        assert (answer["status"], answer["code"]) == (400, "InvalidAccessKeySecret"), answer
    assert (lacking["status"], lacking["code"]) == (400, "MissingParameter")
    assert (unknown["status"], unknown["code"]) == (404, "InvalidAction.NotFound")


async def test_rpc_by_acs3(world: World) -> None:
    answers, (unknown,), (wrong,) = await run(
        "openapi.py",
        world,
        Job([describe(world, *way) for way in WAYS]),
        Job([describe(world, "POST", "form")], {"key": "nobody"}),
        Job([describe(world, "GET", "query")], {"secret": "wrong"}),
    )
    for answer in answers:
        assert answer["status"] == 200, answer
        assert answer["body"]["OpenAccount"]["IdentityId"] == world.demo["identity_id"]
    assert (unknown["status"], unknown["code"]) == (404, "InvalidAccessKeyId.NotFound")
    assert (wrong["status"], wrong["code"]) == (400, "SignatureDoesNotMatch")
