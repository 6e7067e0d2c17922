"""Open accounts in the vendor's RPC style, through Envoy: formats, the seed's samples, a provider, refusals of all."""

import copy
import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc
import httpx
import pytest
import pytest_asyncio
from defusedxml import ElementTree
from tessera.account.v1 import account_admin_pb2 as nouns_pb2
from tessera.account.v1 import account_admin_service_pb2 as admin_pb2
from tessera.account.v1 import account_admin_service_pb2_grpc as admin_pb2_grpc
from tessera.account.v1 import account_service_pb2, account_service_pb2_grpc
from tessera.client import AccessTokens, ClientSecret, open_channel

from deploy.local.stack import Stack
from tests.support.oidc import AUDIENCE, running_provider
from tests.support.samples import DESCRIBE_OPEN_ACCOUNT, DESCRIBE_OPEN_ACCOUNT_XML
from tests.support.world import World

XML, JSON = "text/xml;charset=utf-8", "application/json;charset=utf-8"
UUID = re.compile(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}")
# The vendor's common parameters, as its SDK for Python sends them.
COMMON = {
    "Version": "2018-05-01",
    "AccessKeyId": "testid",
    "Signature": "OLeaidS1JvxuMvnyHOwuJ+uX5qY=",
    "SignatureMethod": "HMAC-SHA1",
    "SignatureNonce": "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
    "SignatureVersion": "1.0",
    "SignatureType": "",
    "Timestamp": "2016-02-23T12:46:24Z",
    "RegionId": "cn-shanghai",
}


@dataclass(frozen=True)
class Callers:
    """A client of the gateway with a server's token, and an operator's stub."""

    http: httpx.AsyncClient
    server: dict[str, str]
    admin: admin_pb2_grpc.AccountAdminServiceStub

    async def call(self, action: str, **parameters: str) -> httpx.Response:
        return await self.http.get("/", params={"Action": action} | parameters, headers=self.server)


@pytest_asyncio.fixture
async def callers(stack: Stack, world: World) -> AsyncIterator[Callers]:
    async with world.http() as http, open_channel(world.grpc["token"]) as token:
        tokens = AccessTokens(token, ClientSecret(*stack.home.operator()))
        async with open_channel(world.grpc["account"], access_tokens=tokens) as account:
            yield Callers(http, await world.bearer(http), admin_pb2_grpc.AccountAdminServiceStub(account))


@pytest_asyncio.fixture
async def sample(callers: Callers) -> str:
    """Id of the account of the vendor's sample, in a project of its own."""
    project = await callers.admin.CreateProject(admin_pb2.CreateProjectRequest(name="Sample"))
    fields = DESCRIBE_OPEN_ACCOUNT["OpenAccount"]
    made = await callers.admin.CreateOpenAccount(
        admin_pb2.CreateOpenAccountRequest(
            project_id=project.project_id,
            idp=fields["Idp"],
            open_id=fields["OpenId"],
            display_name=fields["DisplayName"],
            login_id=fields["LoginId"],
            mobile="13900001234",
            region=fields["Region"],
        )
    )
    return str(made.identity_id)


def ours(answer: dict[str, Any], world: World, identity_id: str) -> dict[str, Any]:
    """The sample with what only we can know: who asked, where, of which account."""
    expected = copy.deepcopy(DESCRIBE_OPEN_ACCOUNT)
    expected["RequestId"] = answer["RequestId"]
    expected["OpenAccount"] |= {
        "AliyunId": world.demo["domain_id"],
        "CreateAccessKey": answer["OpenAccount"]["CreateAccessKey"],
        "IdentityId": identity_id,
    }
    return expected


async def test_json_is_the_seeds_sample(callers: Callers, world: World, sample: str) -> None:
    answer = await callers.call("DescribeOpenAccount", IdentityId=sample, Format="JSON", **COMMON)
    assert (answer.status_code, answer.headers["content-type"]) == (200, JSON)
    body = answer.json()
    assert body == ours(body, world, sample)
    assert body["OpenAccount"]["CreateAccessKey"]
    assert body["RequestId"] == answer.headers["x-request-id"].upper()
    assert UUID.fullmatch(body["RequestId"])


async def test_xml_is_the_seeds_sample_element_by_element(callers: Callers, world: World, sample: str) -> None:
    answer = await callers.call("DescribeOpenAccount", IdentityId=sample, **COMMON)
    assert (answer.status_code, answer.headers["content-type"]) == (200, XML)
    root, wanted = (ElementTree.fromstring(text) for text in (answer.content, DESCRIBE_OPEN_ACCOUNT_XML))
    known = {"RequestId", "AliyunId", "CreateAccessKey", "IdentityId"}
    for element, theirs in zip(root.iter(), wanted.iter(), strict=True):
        assert (element.tag, element.attrib, len(element)) == (theirs.tag, theirs.attrib, len(theirs))
        if not len(theirs) and theirs.tag not in known:
            assert element.text == theirs.text
    assert root.findtext("OpenAccount/AliyunId") == world.demo["domain_id"]
    assert root.findtext("OpenAccount/IdentityId") == sample
    assert root.findtext("RequestId") == answer.headers["x-request-id"].upper()


@pytest.mark.parametrize("place", ["query", "form", "both"])
@pytest.mark.parametrize(
    ("output", "content_type"),
    [("XML", XML), ("xml", XML), ("", XML), (None, XML), ("JSON", JSON), ("json", JSON), ("Json", JSON)],
)
async def test_places_and_formats(
    callers: Callers, sample: str, place: str, output: str | None, content_type: str
) -> None:
    parameters = COMMON | {"Action": "DescribeOpenAccount", "IdentityId": sample}
    if output is not None:
        parameters["Format"] = output
    if place == "query":
        answer = await callers.http.get("/", params=parameters, headers=callers.server)
    else:
        query = {"Action": parameters.pop("Action")} if place == "both" else {}
        answer = await callers.http.post("/", params=query, data=parameters, headers=callers.server)
    assert (answer.status_code, answer.headers["content-type"]) == (200, content_type), answer.text
    assert sample in answer.text


@pytest.mark.parametrize("output", ["None", "YAML", "JSONP", "XML,JSON"])
async def test_a_format_that_there_is_not(callers: Callers, sample: str, output: str) -> None:
    """`None` is what an old SDK sends where nobody chose a format."""
    answer = await callers.call("DescribeOpenAccount", IdentityId=sample, Format=output)
    assert (answer.status_code, answer.headers["content-type"]) == (400, XML)
    assert ElementTree.fromstring(answer.content).findtext("Code") == "InvalidParameter.Format"


async def test_callers_of_the_third_signature_read_json(world: World) -> None:
    async with world.http() as http:
        signed = {"authorization": "ACS3-HMAC-SHA256 Credential=k,SignedHeaders=host,Signature=00"}
        for query, content_type in (("", JSON), ("&Format=XML", XML)):
            answer = await http.get(f"/?Action=DescribeOpenAccount{query}", headers=signed)
            assert answer.status_code in (400, 401, 404), answer.text
            assert answer.headers["content-type"] == content_type
        # Envoy's own refusal, before any filter of ours.
        answer = await http.post("/?Action=DescribeOpenAccount", content=bytes(70_000), headers=signed)
        assert (answer.status_code, answer.headers["content-type"]) == (413, JSON)
        assert UUID.fullmatch(answer.json()["RequestId"])


def _said(answer: httpx.Response) -> dict[str, str | None]:
    if answer.headers["content-type"] == JSON:
        return dict(answer.json())
    root = ElementTree.fromstring(answer.content)
    assert (answer.headers["content-type"], root.tag) == (XML, "Error")
    return {child.tag: child.text for child in root}


@pytest.mark.parametrize("output", ["JSON", "XML"])
async def test_every_refusal_has_a_request_id(world: World, callers: Callers, sample: str, output: str) -> None:
    describe = {"Action": "DescribeOpenAccount", "Format": output, "IdentityId": sample}
    server = callers.server
    http = callers.http
    for status, code, request in (
        (401, "InvalidAccessKeyId", http.get("/", params=describe, headers={"authorization": "Bearer x"})),
        (400, "MissingParameter", http.get("/", params={"Format": output}, headers=server)),
        (404, "InvalidAction.NotFound", http.get("/", params=describe | {"Action": "Nothing"}, headers=server)),
        (400, "MissingParameter", http.get("/", params=describe | {"IdentityId": ""}, headers=server)),
        (404, "EntityNotExist.OpenAccount", http.get("/", params=describe | {"IdentityId": "x"}, headers=server)),
        (400, "InvalidParameterNotMatch", http.get("/", params=describe | {"OpenId": "x"}, headers=server)),
        (400, "InvalidParameter.Idp", http.get("/", params=describe | {"Idp": "x", "IdToken": "x"}, headers=server)),
        (413, "InvalidParameter", http.post("/", params=describe, content=bytes(70_000), headers=server)),
        (404, "InvalidAction.NotFound", http.put("/", params=describe, headers=server)),
    ):
        answer = await request
        said = _said(answer)
        assert (answer.status_code, said["Code"]) == (status, code), answer.text
        assert UUID.fullmatch(said["RequestId"] or "")
        assert said["HostId"]
        assert said["Message"]


@pytest.mark.parametrize("output", ["JSON", "XML"])
async def test_a_user_may_call_none_of_them(callers: Callers, world: World, sample: str, output: str) -> None:
    redeemed = await callers.http.post("/v2/oauth/token", data=world.by_assertion())
    user = {"authorization": f"Bearer {redeemed.json()['access_token']}"}
    for action in ("DescribeOpenAccount", "ListOpenAccounts", "ListOpenAccountLinks", "DeleteOpenAccount"):
        query = {"Action": action, "IdentityId": sample, "Format": output}
        answer = await callers.http.get("/", params=query, headers=user)
        said = _said(answer)
        assert (answer.status_code, said["Code"]) == (403, "Forbidden.RAM"), answer.text
        assert UUID.fullmatch(said["RequestId"] or "")


ACCOUNT = list(DESCRIBE_OPEN_ACCOUNT["OpenAccount"])


def _order(answer: httpx.Response) -> list[object]:
    """Names in an answer in their order, from the outside in; of a list those of its first."""
    if answer.headers["content-type"] == JSON:
        found = answer.json()
        inner = next((value for value in found.values() if not isinstance(value, str)), {})
        return [*found, list(inner[0] if isinstance(inner, list) else inner)]
    root = ElementTree.fromstring(answer.content)
    inner = next((child for child in root if len(child)), ())
    return [*dict.fromkeys(child.tag for child in root), [child.tag for child in inner]]


@pytest.mark.parametrize("output", ["JSON", "XML"])
async def test_every_action_answers_in_the_seeds_order(callers: Callers, sample: str, output: str) -> None:
    for action, inner in (
        ("DescribeOpenAccount", ["OpenAccount", ACCOUNT]),
        ("ListOpenAccounts", ["OpenAccounts", "NextPageToken", ACCOUNT]),
        ("ListOpenAccountLinks", ["OpenAccounts", "NextPageToken", ACCOUNT]),
        ("DeleteOpenAccount", [[]]),
    ):
        answer = await callers.call(action, IdentityId=sample, Format=output, **COMMON)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == (JSON if output == "JSON" else XML)
        assert _order(answer) == ["RequestId", *inner]
        if output == "XML":
            assert answer.text.startswith(f'<?xml version="1.0" encoding="UTF-8"?><{action}Response><RequestId>')
        request_id = answer.json()["RequestId"] if output == "JSON" else ElementTree.fromstring(answer.content)[0].text
        assert UUID.fullmatch(request_id)
        assert request_id == answer.headers["x-request-id"].upper()
        if action != "DeleteOpenAccount":
            # Zeros are printed, as numbers where there are any.
            assert ('"Status":0,"Type":1' if output == "JSON" else "<Status>0</Status><Type>1</Type>") in answer.text


async def test_a_list_of_none(callers: Callers) -> None:
    in_xml = await callers.call("ListOpenAccounts", ProjectId="none")
    assert [child.tag for child in ElementTree.fromstring(in_xml.content)] == ["RequestId", "NextPageToken"]
    in_json = (await callers.call("ListOpenAccounts", ProjectId="none", Format="JSON")).json()
    assert (in_json["OpenAccounts"], in_json["NextPageToken"]) == ([], "")


@pytest.mark.parametrize("charset", ["", ";charset=utf-8", "; charset=UTF-8", '; charset="utf-8"'])
async def test_a_form_may_name_its_charset(callers: Callers, sample: str, charset: str) -> None:
    form = f"Action=DescribeOpenAccount&Format=JSON&IdentityId={sample}&DisplayName=%E8%BD%A6"
    headers = callers.server | {"content-type": f"application/x-www-form-urlencoded{charset}"}
    answer = await callers.http.post("/", content=form, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["OpenAccount"]["IdentityId"] == sample


@pytest.mark.parametrize(
    ("query", "form"),
    [
        ("&IdentityId={0}&IdentityId={0}", None),
        ("&IdentityId={0}", "IdentityId={0}"),
        ("", "IdentityId={0}&IdentityId={0}"),
        ("&IdentityId={0}&Action=DescribeOpenAccount", None),
        ("&IdentityId={0}&Format=JSON", None),
        ("&IdentityId=%zz", None),
        ("&IdentityId=%ff", None),
    ],
)
async def test_what_is_twice_or_broken_is_refused(callers: Callers, sample: str, query: str, form: str | None) -> None:
    url = "/?Action=DescribeOpenAccount&Format=JSON" + query.format(sample)
    headers = callers.server | {"content-type": "application/x-www-form-urlencoded"}
    if form is None:
        answer = await callers.http.get(url, headers=callers.server)
    else:
        answer = await callers.http.post(url, content=form.format(sample), headers=headers)
    assert (answer.status_code, _said(answer)["Code"]) == (400, "InvalidParameter"), answer.text
    assert UUID.fullmatch(_said(answer)["RequestId"] or "")


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize(("output", "content_type"), [("JSON", JSON), ("XML", XML)])
async def test_other_methods_are_no_action(
    callers: Callers, sample: str, method: str, output: str, content_type: str
) -> None:
    query = {"Action": "DeleteOpenAccount", "IdentityId": sample, "Format": output}
    answer = await callers.http.request(method, "/", params=query, headers=callers.server)
    assert (answer.status_code, answer.headers["content-type"]) == (404, content_type)
    assert UUID.fullmatch(answer.headers["x-request-id"].upper())
    if method == "HEAD":
        assert answer.content == b""
    else:
        assert _said(answer)["Code"] == "InvalidAction.NotFound"
        assert _said(answer)["RequestId"] == answer.headers["x-request-id"].upper()
    assert (await callers.call("DescribeOpenAccount", IdentityId=sample)).status_code == 200


async def test_delete_of_another_state(callers: Callers, sample: str) -> None:
    answer = await callers.call("DeleteOpenAccount", IdentityId=sample, Etag="x")
    assert (answer.status_code, _said(answer)["Code"]) == (409, "OperationConflict")
    record = await callers.admin.GetOpenAccount(admin_pb2.GetOpenAccountRequest(identity_id=sample))
    answer = await callers.call("DeleteOpenAccount", IdentityId=sample, Etag=record.etag)
    assert answer.status_code == 200, answer.text
    answer = await callers.call("DescribeOpenAccount", IdentityId=sample)
    assert (answer.status_code, _said(answer)["Code"]) == (404, "EntityNotExist.OpenAccount")


async def test_neither_id_nor_token_is_said_so(callers: Callers) -> None:
    for given in ({}, {"IdToken": "x"}, {"Idp": "ALIOS"}, {"OpenId": "12345"}):
        answer = await callers.call("DescribeOpenAccount", Format="JSON", **given)
        assert (answer.status_code, answer.json()["Code"]) == (400, "MissingParameter")
        assert "IdentityId" in answer.json()["Message"]
        assert "IdToken" in answer.json()["Message"]


async def test_a_providers_token_and_a_link(callers: Callers, world: World) -> None:
    idp = f"P-{uuid.uuid4().hex}"
    async with running_provider() as provider:
        project = (await callers.admin.CreateProject(admin_pb2.CreateProjectRequest(name="Cars"))).project_id
        registered = nouns_pb2.Provider(
            project_id=project,
            idp=idp,
            issuer=provider.issuer,
            audiences=[AUDIENCE],
            private_addresses=True,
            takes_links=True,
        )
        await callers.admin.CreateProvider(admin_pb2.CreateProviderRequest(provider=registered))
        link = {"user_id": world.demo["user_id"], "type": "custom", "identity": f"{idp}:12345"}
        linked = await callers.http.post("/v2/account/link", json=link, headers=callers.server)
        assert linked.status_code == 200, linked.text
        by_token = {"Idp": idp, "IdToken": provider.token(), "ProjectId": project}
        answer = await callers.call("DescribeOpenAccount", Format="JSON", **by_token)
        assert answer.status_code == 200, answer.text
        account = answer.json()["OpenAccount"]
        assert (account["Idp"], account["OpenId"], account["Status"], account["Type"]) == (idp, "12345", 0, 1)
        forged = await callers.call("DescribeOpenAccount", Idp=idp, IdToken=provider.token(aud="x"))
        assert (forged.status_code, _said(forged)["Code"]) == (400, "InvalidParameter.IdToken")
        wrong = {"IdentityId": world.demo["identity_id"]} | by_token
        answer = await callers.call("DescribeOpenAccount", **wrong)
        assert (answer.status_code, _said(answer)["Code"]) == (404, "EntityNotExist.OpenAccount")
        del wrong["ProjectId"]
        answer = await callers.call("DescribeOpenAccount", **wrong)
        assert (answer.status_code, _said(answer)["Code"]) == (400, "InvalidParameterNotMatch")

        listed = await callers.call("ListOpenAccounts", ProjectId=project)
        root = ElementTree.fromstring(listed.content)
        assert root.tag == "ListOpenAccountsResponse"
        assert [each.findtext("IdentityId") for each in root.iterfind("OpenAccounts")] == [account["IdentityId"]]
        person = await callers.call("ListOpenAccountLinks", IdentityId=account["IdentityId"], Format="JSON")
        assert account in person.json()["OpenAccounts"]
        assert world.demo["identity_id"] in {each["IdentityId"] for each in person.json()["OpenAccounts"]}
        for _ in range(2):
            gone = await callers.call("DeleteOpenAccount", IdentityId=account["IdentityId"])
            assert (gone.status_code, ElementTree.fromstring(gone.content).tag) == (200, "DeleteOpenAccountResponse")
        found = await callers.http.post("/v2/account/get_link_info", json=link, headers=callers.server)
        assert found.status_code == 404
        nobody = await callers.call("DescribeOpenAccount", Format="JSON", **by_token)
        assert (nobody.status_code, nobody.json()["Code"]) == (404, "EntityNotExist.OpenAccount")


async def test_a_provider_that_is_away_is_said_so(callers: Callers) -> None:
    async with running_provider() as provider:
        provider.hangs = True
        project = (await callers.admin.CreateProject(admin_pb2.CreateProjectRequest(name="Away"))).project_id
        registered = nouns_pb2.Provider(
            project_id=project, idp="AWAY", issuer=provider.issuer, audiences=[AUDIENCE], private_addresses=True
        )
        await callers.admin.CreateProvider(admin_pb2.CreateProviderRequest(provider=registered))
        given = {"ProjectId": project, "Idp": "AWAY", "IdToken": provider.token(), "Format": "JSON"}
        answer = await callers.call("DescribeOpenAccount", **given)
        assert (answer.status_code, answer.json()["Code"]) == (503, "ServiceUnavailable.Idp")
        assert answer.elapsed.total_seconds() < 10


async def test_over_grpc_nothing_is_signed(world: World, callers: Callers, sample: str) -> None:
    """The same server, with the same token, by the typed call."""
    async with grpc.aio.insecure_channel(world.grpc["account"]) as channel:
        stub = account_service_pb2_grpc.OpenAccountServiceStub(channel)
        request = account_service_pb2.DescribeOpenAccountRequest(identity_id=sample)
        answer = await stub.DescribeOpenAccount(request, metadata=[*callers.server.items()])
    assert answer.open_account.display_name == "displaynametest"
