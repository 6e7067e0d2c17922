"""What LinkAccount refuses, in the words of its surface; and a token service that stands still under it."""

import asyncio
import time
import uuid

import httpx
from google.protobuf.field_mask_pb2 import FieldMask
from tessera.account.v1 import domain_settings_service_pb2, domain_settings_service_pb2_grpc

from deploy.local.stack import Stack
from services.token.identities import Identities
from tests.support.faults import stopped, until_ready
from tests.support.token_client import TokenClient
from tests.support.world import World


async def _user(http: httpx.AsyncClient, server: dict[str, str]) -> str:
    answer = await http.post("/v2/user/create", json={"user_id": uuid.uuid4().hex}, headers=server)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["user_id"])


def _told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_what_is_refused_and_links_nothing(world: World) -> None:
    async with world.http() as http:
        await until_ready(http)
        server = await world.bearer(http)
        one, other = await _user(http, server), await _user(http, server)
        identity = {"type": "custom", "identity": uuid.uuid4().hex}
        free = {"type": "custom", "identity": uuid.uuid4().hex}
        assert (await http.post("/v2/account/link", json=identity | {"user_id": one}, headers=server)).is_success
        taken = await http.post("/v2/account/link", json=identity | {"user_id": other}, headers=server)
        assert _told(taken) == (409, "AlreadyExist.AccountLink")
        assert one not in taken.text
        nobody = await http.post("/v2/account/link", json=free | {"user_id": "nobody"}, headers=server)
        assert _told(nobody) == (404, "NotFound.User")
        disabled = {"user_id": other, "status": "disabled"}
        assert (await http.post("/v2/user/update", json=disabled, headers=server)).is_success
        refused = await http.post("/v2/account/link", json=free | {"user_id": other}, headers=server)
        assert _told(refused) == (403, "Forbidden")
        own = (await http.post("/v2/oauth/token", data=world.by_assertion())).json()
        unproven = await http.post(
            "/v2/account/link",
            json=free | {"user_id": own["user_id"]},
            headers={"authorization": f"Bearer {own['access_token']}"},
        )
        assert _told(unproven) == (403, "Forbidden.Proof")
        missing = await http.post("/v2/account/get_link_info", json=free, headers=server)
        assert _told(missing) == (404, "NotFound.AccountLink")


async def test_a_last_identity_that_is_to_stay_is_a_conflict(stack: Stack, world: World) -> None:
    async with world.http() as http, world.channel("token") as token, world.channel("account") as account:
        await until_ready(http)
        operator = await TokenClient(token, Identities.read(stack.home.identities).as_json()).operator()
        settings = domain_settings_service_pb2_grpc.DomainSettingsServiceStub(account)
        server = await world.bearer(http)
        link = {"type": "custom", "identity": uuid.uuid4().hex, "user_id": await _user(http, server)}
        assert (await http.post("/v2/account/link", json=link, headers=server)).is_success
        for keep, told in ((True, 409), (False, 200)):
            kept = domain_settings_service_pb2.DomainSettings(keep_last_identity=keep)
            request = domain_settings_service_pb2.UpdateDomainSettingsRequest(
                settings=kept, update_mask=FieldMask(paths=["keep_last_identity"])
            )
            await settings.UpdateDomainSettings(request, metadata=operator)
            answer = await http.post("/v2/account/unlink", json=link, headers=server)
            assert answer.status_code == told
            if keep:
                assert _told(answer) == (409, "StateConflict")


async def test_a_link_that_met_no_token_service_is_the_same_link_afterwards(world: World) -> None:
    async with world.http() as http:
        await until_ready(http)
        server = await world.bearer(http)
        user_id = await _user(http, server)
        link = {"type": "custom", "identity": uuid.uuid4().hex, "user_id": user_id}
        assert (await http.post("/v2/account/link", json=link, headers=server)).is_success
        before = (await http.post("/v2/account/get_link_info", json=link, headers=server)).json()
        async with stopped(world.grpc["token"]):
            begun = time.monotonic()
            answer = await http.post("/v2/account/link", json=link, headers=server)
            assert _told(answer) == (503, "ServiceUnavailable")
            assert time.monotonic() - begun < 20
        async with asyncio.timeout(30):
            while not (answer := await http.post("/v2/account/link", json=link, headers=server)).is_success:
                assert answer.status_code == 503, answer.text
                await asyncio.sleep(0.1)
        assert answer.json()["user_id"] == user_id
        after = (await http.post("/v2/account/get_link_info", json=link, headers=server)).json()
        assert after == before
