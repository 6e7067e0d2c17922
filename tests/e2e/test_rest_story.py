"""The seeds' story from outside: assertion, token, refresh, link, describe, bind, query, unbind; by REST alone."""

import time
import uuid

import joserfc.jwk
import joserfc.jwt

from tests.support.world import World


async def test_the_whole_story(world: World) -> None:
    unique = uuid.uuid4().hex
    async with world.http() as http:
        # Who may speak: a JWT app brings its user by assertion; the token is anybody's to verify.
        first = (await http.post("/v2/oauth/token", data=world.by_assertion())).json()
        keys = joserfc.jwk.KeySet.import_key_set((await http.get("/.well-known/jwks.json")).json())
        claims = joserfc.jwt.decode(first["access_token"], keys, algorithms=["RS256"]).claims
        metadata = (await http.get("/.well-known/oauth-authorization-server")).json()
        assert claims["iss"] == metadata["issuer"]
        assert claims["sub"] == world.demo["user_id"] == first["user_id"]
        assert 0 < claims["exp"] - time.time() <= first["expires_in"]

        # The session goes on by refreshing, in JSON or as a form; the app is public, so its id is enough.
        refresh = {"grant_type": "refresh_token", "client_id": world.demo["jwt_client_id"]}
        second = (await http.post("/v2/oauth/token", json=refresh | {"refresh_token": first["refresh_token"]})).json()
        third = (await http.post("/v2/oauth/token", data=refresh | {"refresh_token": second["refresh_token"]})).json()
        assert len({first["refresh_token"], second["refresh_token"], third["refresh_token"]}) == 3

        # Who is this person: a server of the domain links an identity and finds it again.
        server = await world.bearer(http)
        identity = {"type": "custom", "identity": unique}
        linked = await http.post("/v2/account/link", json=identity | {"user_id": world.demo["user_id"]}, headers=server)
        assert linked.json()["user_id"] == world.demo["user_id"]
        found = (await http.post("/v2/account/get_link_info", json=identity, headers=server)).json()
        assert (found["user_id"], found["identity"]) == (world.demo["user_id"], unique)
        # The user may look at its own links, with the token that linking answered.
        own = {"authorization": f"Bearer {third['access_token']}"}
        links = await http.post(
            "/v2/account/get_link_info_by_user_id", json={"user_id": world.demo["user_id"]}, headers=own
        )
        assert unique in {item["identity"] for item in links.json()["items"]}

        described = await http.get(
            "/",
            params={"Action": "DescribeOpenAccount", "IdentityId": world.demo["identity_id"], "Format": "json"},
            headers=server,
        )
        assert described.json()["OpenAccount"]["AliyunId"] == world.demo["domain_id"]

        # Where is this person reached.
        account = {"account": f"{unique}@example.com", "account_type": 2}
        bind = {"operator_type": 2, "token_accounts": [{"token": unique, "account_list": [account]}]}
        bound = await http.post("/v3/device/account/batchoperate", json=bind, auth=world.push())
        assert bound.json() == {"ret_code": 0, "err_msg": "NO_ERROR", "result": ["0"]}
        query = {"operator_type": 1, "account_list": [account]}
        reached = (await http.post("/v3/device/account/query", json=query, auth=world.push())).json()
        assert reached["account_tokens"] == [account | {"token_list": [unique]}]
        assert (reached["retCode"], reached["errMsg"]) == (reached["ret_code"], reached["err_msg"]) == (0, "ok")
        unbind = {"operator_type": 4, "token_list": [unique]}
        assert (await http.post("/v3/device/account/batchoperate", json=unbind, auth=world.push())).json()[
            "ret_code"
        ] == 0
        gone = (await http.post("/v3/device/account/query", json=query, auth=world.push())).json()
        assert gone["ret_code"] == gone["retCode"] == 10110008

        unlinked = await http.post(
            "/v2/account/unlink", json=identity | {"user_id": world.demo["user_id"]}, headers=server
        )
        assert (unlinked.status_code, unlinked.json()) == (200, {})
        missing = await http.post("/v2/account/get_link_info", json=identity, headers=server)
        assert (missing.status_code, missing.json()["code"]) == (404, "NotFound.AccountLink")
