"""The vendors' clients, unchanged and as programs of their own, pointed at the gateway."""

import asyncio
import json
import os
import uuid
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


async def run(script: str, world: World, calls: list[Any], **more: Any) -> Answers:
    """Make calls by a client."""
    demo = world.demo
    job = {
        "endpoint": urlsplit(world.gateway).netloc,
        "key": demo["access_key_id"],
        "secret": demo["access_key_secret"],
        "calls": calls,
    } | more
    process = await asyncio.create_subprocess_exec(
        PYTHON,
        FOLDER / script,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"NO_PROXY": "*"},
    )
    told, complaints = await process.communicate(json.dumps(job).encode())
    assert process.returncode == 0, complaints.decode()
    return list(json.loads(told))


@pytest.mark.parametrize("way", ["v1", "v4", "bearer"])
async def test_pds(world: World, way: str) -> None:
    more: dict[str, Any] = {"signature_version": "v4"} if way == "v4" else {}
    if way == "bearer":
        async with world.http() as http:
            headers = await world.bearer(http)
        more = {"bearer_token": headers["authorization"].removeprefix("Bearer ")}
    user_id = world.demo["user_id"]
    # Not ASCII, and with what escapes could go wrong at.
    identity = f"标识 +&=%/{uuid.uuid4()}"
    link = {"user_id": user_id, "type": "custom", "identity": identity}
    linked, found, listed, unlinked, gone, wrong = await run(
        "pds.py",
        world,
        [
            ("link_account", link),
            ("get_link_info", {"type": "custom", "identity": identity}),
            ("get_link_info_by_user_id", {"user_id": user_id}),
            ("un_link_account", link),
            ("get_link_info", {"type": "custom", "identity": identity}),
            ("link_account", link | {"type": "pigeon"}),
        ],
        **more,
    )
    assert linked["status"] == 200, linked
    assert linked["body"]["user_id"] == user_id
    assert linked["body"]["access_token"]
    assert (found["body"]["identity"], found["body"]["user_id"]) == (identity, user_id)
    assert identity in [item["identity"] for item in listed["body"]["items"]]
    assert unlinked["status"] in (200, 204)
    assert (gone["status"], gone["code"]) == (404, "NotFound.AccountLink")
    assert (wrong["status"], wrong["code"]) == (400, "InvalidParameter")


async def test_pds_token_endpoint(world: World) -> None:
    fine, refused = await run(
        "pds.py",
        world,
        [("token", world.by_assertion()), ("token", world.by_assertion() | {"client_id": "nobody"})],
    )
    assert fine["body"]["access_token"]
    assert (refused["status"], refused["code"]) == (401, "InvalidParameter.ClientId")


@pytest.mark.parametrize("signature_version", [None, "v4"])
@pytest.mark.parametrize("wrong", [{"key": "nobody"}, {"secret": "wrong"}])
async def test_pds_refused(world: World, signature_version: str | None, wrong: dict[str, str]) -> None:
    call = ("get_link_info_by_user_id", {"user_id": "u"})
    (answer,) = await run("pds.py", world, [call], signature_version=signature_version, **wrong)
    assert (answer["status"], answer["code"]) == (401, "SignatureDoesNotMatch")


def describe(world: World, method: str, where: str, output: str = "JSON") -> dict[str, Any]:
    """DescribeOpenAccount, with what escapes could go wrong at beside it, in the query or the form."""
    more = {"ProjectId": world.demo["project_id"], "IdentityId": world.demo["identity_id"], "Remark": "中 ~*+/&=%"}
    return {"action": "DescribeOpenAccount", "method": method, "format": output, where: more}


WAYS = [("GET", "query"), ("POST", "query"), ("POST", "form")]


async def test_rpc_in_json(world: World) -> None:
    for answer in await run("rpc.py", world, [describe(world, *way) for way in WAYS]):
        body = json.loads(answer["body"])
        assert body["OpenAccount"]["IdentityId"] == world.demo["identity_id"]
        assert body["OpenAccount"]["Status"] == 0
        uuid.UUID(body["RequestId"])


async def test_rpc_in_xml(world: World) -> None:
    for answer in await run("rpc.py", world, [describe(world, *way, "XML") for way in WAYS]):
        root = ElementTree.fromstring(answer["body"])
        assert root.tag == "DescribeOpenAccountResponse"
        assert root.findtext("OpenAccount/IdentityId") == world.demo["identity_id"]


async def test_rpc_refused(world: World) -> None:
    calls = [describe(world, *way) for way in WAYS]
    for answer in await run("rpc.py", world, calls, key="nobody"):
        assert (answer["status"], answer["code"]) == (404, "InvalidAccessKeyId.NotFound")
        assert answer["message"] == "Specified access key is not found."
        uuid.UUID(answer["request_id"])
    for answer in await run("rpc.py", world, calls, secret="wrong"):
        assert (answer["status"], answer["code"]) == (400, "SignatureDoesNotMatch")
    for answer in await run("rpc.py", world, [call | {"known": True} for call in calls], secret="wrong"):
        # The client compared what the server wanted signed with what it had signed, and found the two the same.
        assert (answer["status"], answer["code"]) == (400, "InvalidAccessKeySecret"), answer
    missing = describe(world, "GET", "query") | {"query": {}}
    (answer,) = await run("rpc.py", world, [missing])
    assert (answer["status"], answer["code"]) == (400, "MissingParameter")
    (answer,) = await run("rpc.py", world, [missing | {"action": "Nothing"}])
    assert (answer["status"], answer["code"]) == (404, "InvalidAction.NotFound")


async def test_rpc_by_acs3(world: World) -> None:
    for answer in await run("openapi.py", world, [describe(world, *way) for way in WAYS]):
        assert answer["status"] == 200, answer
        assert answer["body"]["OpenAccount"]["IdentityId"] == world.demo["identity_id"]
    (unknown,) = await run("openapi.py", world, [describe(world, "POST", "form")], key="nobody")
    assert (unknown["status"], unknown["code"]) == (404, "InvalidAccessKeyId.NotFound")
    (wrong,) = await run("openapi.py", world, [describe(world, "GET", "query")], secret="wrong")
    assert (wrong["status"], wrong["code"]) == (400, "SignatureDoesNotMatch")
