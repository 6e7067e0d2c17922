"""Open accounts: listed, changed, taken away; and links that are open accounts."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import grpc
import pytest
import pytest_asyncio
from google.api import httpbody_pb2
from google.protobuf.field_mask_pb2 import FieldMask
from tessera.account.v1 import account_admin_pb2 as nouns_pb2
from tessera.account.v1 import account_admin_service_pb2 as admin_pb2
from tessera.account.v1 import account_service_pb2 as pb2
from tessera.account.v1 import domain_settings_service_pb2 as settings_pb2
from tessera.account.v1 import open_account_xml_service_pb2_grpc

from services.account.convert.xml import write_document
from services.account.model import OpenAccount, normalise
from services.account.store import Store
from tests.account.callers import Domain
from tests.account.linking import linked, unlinked
from tests.account.open_accounts import Operator
from tests.account.running import Account
from tests.support.calls import refused
from tests.support.oidc import running_provider

NOW = datetime.now(UTC)


@pytest_asyncio.fixture
async def operator(alone: Account, domain: Domain) -> Operator:
    operator = Operator(alone, domain)
    await operator.project()
    return operator


def custom(open_id: str = "12345", idp: str = "ALIOS") -> object:
    return normalise("custom", f"{idp}:{open_id}")


async def listed(operator: Operator, **fields: object) -> pb2.ListOpenAccountsResponse:
    request = pb2.ListOpenAccountsRequest(**fields)
    return await operator.account.open_accounts.ListOpenAccounts(request, metadata=operator.caller)


async def person(operator: Operator, **fields: str) -> list[str]:
    """Ids of the open accounts of one person."""
    request = pb2.ListOpenAccountLinksRequest(**fields)
    answer = await operator.account.open_accounts.ListOpenAccountLinks(request, metadata=operator.caller)
    return [each.identity_id for each in answer.open_accounts]


async def delete(operator: Operator, **fields: str) -> pb2.DeleteOpenAccountResponse:
    request = pb2.DeleteOpenAccountRequest(**fields)
    return await operator.account.open_accounts.DeleteOpenAccount(request, metadata=operator.caller)


async def test_a_link_is_an_open_account_for_as_long_as_it_is_linked(
    operator: Operator, store: Store, domain: Domain
) -> None:
    await linked(store, domain.id, custom(), "u1", NOW)
    assert not (await listed(operator)).open_accounts
    # Links that were there before the provider are as good.
    async with running_provider() as provider:
        await operator.register(provider, takes_links=True)
        by_token = (await operator.describe(id_token=provider.token(), idp="ALIOS")).open_account
    assert (by_token.idp, by_token.open_id, by_token.aliyun_id) == ("ALIOS", "12345", domain.id)
    assert (by_token.create_access_key, by_token.status, by_token.type) == ("", 0, 1)
    by_id = (await operator.describe(identity_id=by_token.identity_id, project_id="p1")).open_account
    assert by_id == by_token
    assert list((await listed(operator, project_id="p1")).open_accounts) == [by_token]
    await unlinked(store, domain.id, custom(), "u1")
    await refused(operator.describe(identity_id=by_token.identity_id), "NOT_FOUND_OPEN_ACCOUNT")
    assert not (await listed(operator)).open_accounts
    # Linked anew it is the same account, of whom it is linked to.
    await linked(store, domain.id, custom(), "u2", NOW)
    assert (await operator.describe(identity_id=by_token.identity_id)).open_account == by_token
    record = await operator.account.admin.GetOpenAccount(
        admin_pb2.GetOpenAccountRequest(identity_id=by_token.identity_id), metadata=operator.caller
    )
    assert (record.user_id, record.linked, record.etag) == ("u2", True, "")


@pytest.mark.parametrize(
    ("type_", "identity"),
    [("custom", "OTHER:12345"), ("custom", "ALIOS"), ("custom", "ALIOS:"), ("custom", "alios:1"), ("ding", "ALIOS:1")],
)
async def test_other_links_are_none(
    operator: Operator, store: Store, domain: Domain, type_: str, identity: str
) -> None:
    await operator.register(takes_links=True)
    await linked(store, domain.id, normalise(type_, identity), "u1", NOW)
    assert not (await listed(operator)).open_accounts


async def test_an_open_id_may_have_colons(operator: Operator, store: Store, domain: Domain) -> None:
    await operator.register(takes_links=True)
    await linked(store, domain.id, custom("a:b"), "u1", NOW)
    (account,) = (await listed(operator)).open_accounts
    assert account.open_id == "a:b"
    assert await person(operator, project_id="p1", idp="ALIOS", open_id="a:b") == [account.identity_id]


async def test_a_row_and_a_link_of_one_name_are_one_account(operator: Operator, store: Store, domain: Domain) -> None:
    await operator.register(takes_links=True)
    identity_id = await operator.open_account()
    await linked(store, domain.id, custom(), "u1", NOW)
    assert [each.identity_id for each in (await listed(operator)).open_accounts] == [identity_id]
    # Where the link was first, no row is made.
    await linked(store, domain.id, custom("2"), "u1", NOW)
    await refused(operator.open_account(open_id="2"), "ALREADY_EXISTS_OPEN_ACCOUNT")


async def test_a_link_changes_by_linking_alone_and_is_unlinked_by_delete(
    operator: Operator, store: Store, domain: Domain
) -> None:
    await operator.register(takes_links=True)
    await linked(store, domain.id, custom(), "u1", NOW)
    (account,) = (await listed(operator)).open_accounts
    changed = nouns_pb2.OpenAccountRecord(identity_id=account.identity_id, display_name="Ann")
    request = admin_pb2.UpdateOpenAccountRequest(open_account=changed)
    refusal = operator.account.admin.UpdateOpenAccount(request, metadata=operator.caller)
    await refused(refusal, "OPEN_ACCOUNT_LINKED")
    await delete(operator, identity_id=account.identity_id, project_id="p2")
    assert await store.select_link(domain.id, custom())
    await delete(operator, identity_id=account.identity_id)
    assert await store.select_link(domain.id, custom()) is None


async def test_an_account_is_changed_and_disabled(operator: Operator) -> None:
    identity_id = await operator.open_account(mobile="13900001234")
    admin, caller = operator.account.admin, operator.caller
    made = await admin.GetOpenAccount(admin_pb2.GetOpenAccountRequest(identity_id=identity_id), metadata=caller)
    assert (made.mobile, made.disabled, made.linked) == ("13900001234", False, False)
    made.disabled, made.user_id = True, "u1"
    request = admin_pb2.UpdateOpenAccountRequest(open_account=made)
    changed = await admin.UpdateOpenAccount(request, metadata=caller)
    assert (changed.disabled, changed.user_id, changed.mobile) == (True, "u1", "13900001234")
    assert (await operator.describe(identity_id=identity_id)).open_account.status == 1
    await refused(admin.UpdateOpenAccount(request, metadata=caller), "CHANGED_MEANWHILE")
    request = admin_pb2.UpdateOpenAccountRequest(
        open_account=nouns_pb2.OpenAccountRecord(identity_id=identity_id), update_mask=FieldMask(paths=["disabled"])
    )
    assert not (await admin.UpdateOpenAccount(request, metadata=caller)).disabled
    request.open_account.user_id = "\x00"
    request.update_mask.paths.append("user_id")
    await refused(admin.UpdateOpenAccount(request, metadata=caller), "FIELD_INVALID", "open_account.user_id")


async def test_delete_is_for_one_state_and_may_be_repeated(operator: Operator) -> None:
    identity_id = await operator.open_account()
    get = admin_pb2.GetOpenAccountRequest(identity_id=identity_id)
    etag = (await operator.account.admin.GetOpenAccount(get, metadata=operator.caller)).etag
    changed = nouns_pb2.OpenAccountRecord(identity_id=identity_id, login_id="ann")
    request = admin_pb2.UpdateOpenAccountRequest(open_account=changed)
    stored = await operator.account.admin.UpdateOpenAccount(request, metadata=operator.caller)
    await refused(delete(operator, identity_id=identity_id, etag=etag), "CHANGED_MEANWHILE")
    await refused(delete(operator, identity_id=identity_id, etag="x"), "CHANGED_MEANWHILE")
    for _ in range(2):
        assert (await delete(operator, identity_id=identity_id, etag=stored.etag)).request_id.isupper()
    await refused(operator.describe(identity_id=identity_id), "NOT_FOUND_OPEN_ACCOUNT")
    await refused(delete(operator), "FIELD_MISSING", "IdentityId")
    caller = operator.domain.access_key("account.describe")
    call = operator.account.open_accounts.DeleteOpenAccount(
        pb2.DeleteOpenAccountRequest(identity_id=identity_id), metadata=caller
    )
    await refused(call, "PERMISSION_DENIED")


async def test_a_listing_goes_on_by_place_and_by_token(operator: Operator, store: Store, domain: Domain) -> None:
    await operator.project("p2")
    await operator.register(takes_links=True)
    made = {await operator.open_account(open_id=f"row {number}") for number in range(3)}
    other = await operator.open_account(project_id="p2")
    await asyncio.gather(*(linked(store, domain.id, custom(f"link {n}"), "u1", NOW) for n in range(4)))
    everything = [each.identity_id for each in (await listed(operator)).open_accounts]
    assert everything == sorted(everything)
    assert len(set(everything)) == 8
    assert made | {other} <= set(everything)
    by_place = [
        each.identity_id
        for start in range(0, 9, 3)
        for each in (await listed(operator, start=start, length=3)).open_accounts
    ]
    by_token: list[str] = []
    token = ""
    while token or not by_token:
        page = await listed(operator, length=3, page_token=token)
        by_token += [each.identity_id for each in page.open_accounts]
        token = page.next_page_token
    assert by_place == by_token == everything
    of_project = [each.identity_id for each in (await listed(operator, project_id="p2")).open_accounts]
    assert of_project == [other]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"mobile": "139"}, "Mobile"),
        ({"display_name": "a"}, "DisplayName"),
        ({"email": "a"}, "Email"),
        ({"start": -1}, "Start"),
        ({"start": 10_001}, "Start"),
        ({"length": -1}, "Length"),
        ({"page_token": "x"}, "page_token"),
        ({"project_id": "a b"}, "ProjectId"),
    ],
)
async def test_no_listing(operator: Operator, fields: dict[str, object], field: str) -> None:
    await refused(listed(operator, **fields), "FIELD_INVALID", field)


async def test_the_accounts_of_a_person(operator: Operator, store: Store, domain: Domain) -> None:
    await operator.register(takes_links=True)
    first = await operator.open_account(user_id="u1")
    nobodys = await operator.open_account(open_id="2")
    await operator.open_account(open_id="3", user_id="u2")
    await linked(store, domain.id, custom("4"), "u1", NOW)
    theirs = await person(operator, identity_id=first)
    assert len(theirs) == 2
    assert first in theirs
    assert await person(operator, project_id="p1", idp="ALIOS", open_id="4") == theirs
    assert await person(operator, identity_id=nobodys) == [nobodys]
    await refused(person(operator, identity_id=first, open_id="2"), "PARAMETERS_DISAGREE", "OpenId")
    await refused(person(operator, project_id="p1", idp="ALIOS", open_id="9"), "NOT_FOUND_OPEN_ACCOUNT")
    await refused(person(operator, idp="ALIOS", open_id="4"), "FIELD_MISSING", "ProjectId")
    await refused(person(operator, idp="ALIOS"), "FIELD_MISSING", "IdentityId")


async def test_150_accounts_of_a_person_are_all_listed_the_named_one_among_them(
    operator: Operator, store: Store, domain: Domain
) -> None:
    await operator.register(takes_links=True)
    made = [await operator.open_account(open_id=f"row {number}", user_id="u1") for number in range(75)]
    for number in range(75):
        await linked(store, domain.id, custom(f"link {number}"), "u1", NOW)
    everything = {each.identity_id for each in (await listed(operator, length=100)).open_accounts}
    everything |= {each.identity_id for each in (await listed(operator, start=100, length=100)).open_accounts}
    assert len(everything) == 150
    for named in (made[-1], max(everything)):
        for length, pages in ((0, 2), (1000, 2), (40, 4), (150, 2)):
            found: list[str] = []
            token, asked = "", 0
            while token or not asked:
                request = pb2.ListOpenAccountLinksRequest(identity_id=named, length=length, page_token=token)
                page = await operator.account.open_accounts.ListOpenAccountLinks(request, metadata=operator.caller)
                found += [each.identity_id for each in page.open_accounts]
                token, asked = page.next_page_token, asked + 1
            assert found == sorted(everything)
            assert asked == pages
            assert named in found
    # A page token is of one query.
    first = pb2.ListOpenAccountLinksRequest(identity_id=made[0])
    token = (await operator.account.open_accounts.ListOpenAccountLinks(first, metadata=operator.caller)).next_page_token
    for fields, field in (
        ({"identity_id": made[1], "page_token": token}, "page_token"),
        ({"identity_id": made[0], "page_token": "x"}, "page_token"),
        ({"identity_id": made[0], "length": -1}, "Length"),
    ):
        request = pb2.ListOpenAccountLinksRequest(**fields)
        call = operator.account.open_accounts.ListOpenAccountLinks(request, metadata=operator.caller)
        await refused(call, "FIELD_INVALID", field)


async def test_who_may_read_a_mobile_number_whole(operator: Operator) -> None:
    identity_id = await operator.open_account(mobile="13900001234")
    for permissions, shown in (
        (("account.describe",), "1390000****"),
        (("account.describe", "account.describe.mobile"), "13900001234"),
    ):
        caller = operator.domain.access_key(*permissions)
        answer = await operator.account.open_accounts.DescribeOpenAccount(
            pb2.DescribeOpenAccountRequest(identity_id=identity_id), metadata=caller
        )
        assert answer.open_account.mobile == shown


@pytest.mark.parametrize("permissions", [(), ("account.link",), ("account.admin", "account.describe.mobile")])
async def test_who_may_not_list(operator: Operator, permissions: tuple[str, ...]) -> None:
    identity_id = await operator.open_account()
    stub = operator.account.open_accounts
    for caller in (operator.domain.access_key(*permissions), operator.domain.user("u1")):
        for call in (
            stub.ListOpenAccounts(pb2.ListOpenAccountsRequest(), metadata=caller),
            stub.ListOpenAccountLinks(pb2.ListOpenAccountLinksRequest(identity_id=identity_id), metadata=caller),
        ):
            await refused(call, "PERMISSION_DENIED")


async def test_lists_mask_mobile_numbers_as_well(operator: Operator) -> None:
    identity_id = await operator.open_account(mobile="13900001234")
    stub = operator.account.open_accounts
    for permissions, shown in (
        (("account.describe",), "1390000****"),
        (("account.describe", "account.describe.mobile"), "13900001234"),
    ):
        caller = operator.domain.access_key(*permissions)
        everything = await stub.ListOpenAccounts(pb2.ListOpenAccountsRequest(), metadata=caller)
        persons = await stub.ListOpenAccountLinks(
            pb2.ListOpenAccountLinksRequest(identity_id=identity_id), metadata=caller
        )
        for answer in (everything, persons):
            assert [each.mobile for each in answer.open_accounts] == [shown]


async def test_a_link_that_its_user_has_to_keep_is_not_deleted(
    operator: Operator, store: Store, domain: Domain
) -> None:
    await operator.register(takes_links=True)
    await linked(store, domain.id, custom("1"), "u1", NOW)
    (account,) = (await listed(operator)).open_accounts
    settings = settings_pb2.DomainSettings(keep_last_identity=True)
    await operator.account.settings.UpdateDomainSettings(
        settings_pb2.UpdateDomainSettingsRequest(settings=settings), metadata=operator.caller
    )
    refusal = await refused(delete(operator, identity_id=account.identity_id), "LAST_IDENTITY")
    # Through the gateway 400, as the manual says.
    assert refusal.code is grpc.StatusCode.FAILED_PRECONDITION
    await linked(store, domain.id, custom("2"), "u1", NOW)
    await delete(operator, identity_id=account.identity_id)
    assert [each.open_id for each in (await listed(operator)).open_accounts] == ["2"]


async def test_a_link_that_a_merge_moves_meanwhile_is_deleted(
    operator: Operator, store: Store, domain: Domain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the same account under another user; who was told that it is gone does not find it."""
    await operator.register(takes_links=True)
    await linked(store, domain.id, custom(), "u1", NOW)
    (account,) = (await listed(operator)).open_accounts
    select = Store.select_open_account

    async def overtaken(self: Store, *asked: Any) -> OpenAccount | None:
        found = await select(self, *asked)
        monkeypatch.undo()
        await store.merge_users(domain.id, "u1", "u2", now=NOW, actor="test")
        return found

    monkeypatch.setattr(Store, "select_open_account", overtaken)
    await delete(operator, identity_id=account.identity_id)
    await refused(operator.describe(identity_id=account.identity_id), "NOT_FOUND_OPEN_ACCOUNT")
    assert (await listed(operator)).open_accounts == []


async def test_another_domains_accounts_do_not_exist(operator: Operator, alone: Account, other_domain: Domain) -> None:
    identity_id = await operator.open_account(user_id="u1")
    stranger = Operator(alone, other_domain)
    assert not (await listed(stranger)).open_accounts
    await refused(person(stranger, identity_id=identity_id), "NOT_FOUND_OPEN_ACCOUNT")
    await delete(stranger, identity_id=identity_id)
    assert await operator.describe(identity_id=identity_id)


async def test_a_document_says_what_the_message_says(operator: Operator) -> None:
    identity_id = await operator.open_account(display_name="<&>\"'")
    await operator.open_account(open_id="2")
    stub = open_account_xml_service_pb2_grpc.OpenAccountXmlServiceStub(operator.account.channel)
    body = await stub.ListOpenAccounts(pb2.ListOpenAccountsRequest(), metadata=operator.caller)
    assert body.content_type == "text/xml;charset=utf-8"
    root = ET.fromstring(body.data)
    assert root.tag == "ListOpenAccountsResponse"
    assert [child.tag for child in root] == ["RequestId", "OpenAccounts", "OpenAccounts", "NextPageToken"]
    named = {each.findtext("IdentityId"): each for each in root.iterfind("OpenAccounts")}
    assert named[identity_id].findtext("DisplayName") == "<&>\"'"
    assert named[identity_id].findtext("Status") == "0"
    request = pb2.DescribeOpenAccountRequest(identity_id=identity_id)
    await refused(stub.DescribeOpenAccount(request, metadata=operator.domain.user("u1")), "PERMISSION_DENIED")
    described = ET.fromstring((await stub.DescribeOpenAccount(request, metadata=operator.caller)).data)
    assert described.findtext("OpenAccount/IdentityId") == identity_id
    request = pb2.ListOpenAccountLinksRequest(identity_id=identity_id)
    links = ET.fromstring((await stub.ListOpenAccountLinks(request, metadata=operator.caller)).data)
    assert [child.tag for child in links] == ["RequestId", "OpenAccounts", "NextPageToken"]
    gone = await stub.DeleteOpenAccount(pb2.DeleteOpenAccountRequest(identity_id=identity_id), metadata=operator.caller)
    assert [child.tag for child in ET.fromstring(gone.data)] == ["RequestId"]


def test_what_xml_cannot_hold_is_replaced() -> None:
    answer = pb2.DescribeOpenAccountResponse(request_id="a\x00b\x0bc\rd\ufffee\tf\ng\U0001f697")
    body: httpbody_pb2.HttpBody = write_document("R", answer)
    assert ET.fromstring(body.data).findtext("RequestId") == "a\ufffdb\ufffdc\ufffdd\ufffde\tf\ng\U0001f697"
    assert body.data.startswith(b'<?xml version="1.0" encoding="UTF-8"?><R><RequestId>')
