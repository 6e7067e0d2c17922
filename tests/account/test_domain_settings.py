"""DomainSettingsService, and that a user keeps its last identity where its domain wants that."""

import asyncio

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from tessera.account.v1 import account_service_pb2
from tessera.account.v1 import domain_settings_service_pb2 as settings_pb2

from services.account.model import normalise
from services.account.model.domain_settings import contrast_with_white
from services.account.store import Store
from services.runtime.clock import Clock
from tests.account.callers import Domain
from tests.account.linking import linked
from tests.account.running import Account
from tests.support.calls import refused


async def get(account: Account, domain: Domain) -> settings_pb2.DomainSettings:
    request = settings_pb2.GetDomainSettingsRequest()
    return await account.settings.GetDomainSettings(request, metadata=domain.access_key("account.admin"))


def update(account: Account, domain: Domain, *mask: str, **fields: object) -> grpc.aio.UnaryUnaryCall:
    request = settings_pb2.UpdateDomainSettingsRequest(
        settings=settings_pb2.DomainSettings(**fields), update_mask=FieldMask(paths=mask)
    )
    return account.settings.UpdateDomainSettings(request, metadata=domain.access_key("account.admin"))


def unlink(account: Account, domain: Domain, user_id: str, identity: str) -> grpc.aio.UnaryUnaryCall:
    request = account_service_pb2.UnlinkAccountRequest(user_id=user_id, type="custom", identity=identity)
    return account.links.UnlinkAccount(request, metadata=domain.access_key("account.link"))


async def test_a_domain_that_never_set_any_has_the_defaults(alone: Account, domain: Domain) -> None:
    settings = await get(alone, domain)
    assert (settings.keep_last_identity, settings.codes_per_hour) == (False, 1000)
    assert settings.etag
    assert not settings.HasField("update_time")


async def test_what_the_mask_names_is_changed_and_nothing_else(
    alone: Account, domain: Domain, other_domain: Domain
) -> None:
    changed = await update(alone, domain, "keep_last_identity", keep_last_identity=True, codes_per_hour=7)
    assert (changed.keep_last_identity, changed.codes_per_hour) == (True, 1000)
    assert changed.HasField("update_time")
    changed = await update(alone, domain, codes_per_hour=7)
    assert (changed.keep_last_identity, changed.codes_per_hour) == (True, 7)
    changed = await update(alone, domain, "*", codes_per_hour=8)
    assert (changed.keep_last_identity, changed.codes_per_hour) == (False, 8)
    assert await get(alone, domain) == changed
    assert not (await get(alone, other_domain)).HasField("update_time")


async def test_a_change_is_made_to_the_state_that_was_read(alone: Account, domain: Domain) -> None:
    first = await get(alone, domain)
    second = await update(alone, domain, codes_per_hour=7, etag=first.etag)
    for etag in (first.etag, "nonsense"):
        refusal = await refused(update(alone, domain, codes_per_hour=8, etag=etag), "CHANGED_MEANWHILE")
        assert refusal.code is grpc.StatusCode.ABORTED
    assert (await update(alone, domain, codes_per_hour=7, etag=second.etag)) == second
    assert (await update(alone, domain, codes_per_hour=9, etag=second.etag)).codes_per_hour == 9


async def test_of_changes_to_one_state_one_is_made(alone: Account, domain: Domain) -> None:
    """Also to the one that no row stands for."""
    for start in (100, 200):
        etag = (await get(alone, domain)).etag
        calls = [update(alone, domain, codes_per_hour=start + each, etag=etag) for each in range(10)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        made = [answer for answer in answers if not isinstance(answer, BaseException)]
        assert made == [await get(alone, domain)]


async def test_what_is_no_setting(alone: Account, domain: Domain) -> None:
    for number in (-1, 100_001):
        await refused(update(alone, domain, codes_per_hour=number), "FIELD_INVALID", "settings.codes_per_hour")
    await refused(update(alone, domain, "codes_per_hour"), "FIELD_INVALID", "settings.codes_per_hour")
    await refused(update(alone, domain, "nonsense", codes_per_hour=1), "FIELD_INVALID", "update_mask")


async def test_a_first_logon_makes_a_user_until_it_is_said_otherwise(alone: Account, domain: Domain) -> None:
    assert (await get(alone, domain)).first_logon == settings_pb2.FIRST_LOGON_CREATE
    for kind in (
        settings_pb2.FIRST_LOGON_LINK_OR_CREATE,
        settings_pb2.FIRST_LOGON_LINK,
        settings_pb2.FIRST_LOGON_REFUSE,
    ):
        changed = await update(alone, domain, first_logon=kind)
        assert changed.first_logon == kind
        assert await get(alone, domain) == changed
    # Unspecified is the default.
    assert (await update(alone, domain, "first_logon")).first_logon == settings_pb2.FIRST_LOGON_CREATE
    await refused(update(alone, domain, first_logon=99), "FIELD_INVALID", "settings.first_logon")


async def test_a_page_is_replaced_whole(alone: Account, domain: Domain) -> None:
    assert not (await get(alone, domain)).HasField("page")
    page = {"display_name": "例 Example", "logo_url": "https://example.com/logo.svg", "accent_color": "#00695C"}
    changed = await update(alone, domain, page=page)
    assert changed.page == settings_pb2.LogonPage(**(page | {"accent_color": "#00695c"}))
    changed = await update(alone, domain, page={"display_name": "Example"})
    assert changed.page == settings_pb2.LogonPage(display_name="Example")
    assert await get(alone, domain) == changed
    changed = await update(alone, domain, codes_per_hour=7)
    assert changed.page.display_name == "Example"
    assert not (await update(alone, domain, "page")).HasField("page")


@pytest.mark.parametrize(
    ("page", "field"),
    [
        ({"display_name": "x" * 65}, "display_name"),
        ({"display_name": "a\u2028b"}, "display_name"),
        ({"logo_url": "http://example.com/logo.png"}, "logo_url"),
        ({"logo_url": "javascript:alert(1)"}, "logo_url"),
        ({"logo_url": 'https://example.com/"onerror="x '}, "logo_url"),
        ({"logo_url": "https://" + "x" * 2048}, "logo_url"),
        ({"accent_color": "red"}, "accent_color"),
        ({"accent_color": "#12345"}, "accent_color"),
        ({"accent_color": "#12345g"}, "accent_color"),
        ({"accent_color": "#123456;}"}, "accent_color"),
        # The lightest grey that white can be read on is #767676.
        ({"accent_color": "#777777"}, "accent_color"),
        ({"accent_color": "#ffd700"}, "accent_color"),
    ],
    ids=str,
)
async def test_what_is_no_page(alone: Account, domain: Domain, page: dict[str, str], field: str) -> None:
    await refused(update(alone, domain, page=page), "FIELD_INVALID", f"settings.page.{field}")


def test_contrast() -> None:
    assert contrast_with_white("#ffffff") == pytest.approx(1)
    assert contrast_with_white("#000000") == pytest.approx(21)
    assert contrast_with_white("#767676") == pytest.approx(4.54, abs=0.01)
    assert contrast_with_white("#ff0000") == pytest.approx(4.0, abs=0.01)


async def test_who_may_not(alone: Account, domain: Domain, user_id: str) -> None:
    for caller in (domain.access_key("account.link"), domain.user(user_id), domain.user(user_id, "admin")):
        request = settings_pb2.GetDomainSettingsRequest()
        await refused(alone.settings.GetDomainSettings(request, metadata=caller), "PERMISSION_DENIED")


async def test_the_last_identity_stays_where_the_domain_wants_that(
    alone: Account, store: Store, domain: Domain, other_domain: Domain, user_id: str
) -> None:
    await update(alone, domain, keep_last_identity=True)
    for each in (domain, other_domain):
        for identity in ("one", "two"):
            await linked(store, each.id, normalise("custom", identity), user_id, Clock().now())
    await unlink(alone, domain, user_id, "one")
    refusal = await refused(unlink(alone, domain, user_id, "two"), "LAST_IDENTITY")
    assert refusal.code is grpc.StatusCode.FAILED_PRECONDITION
    # What is not there is a success still.
    await unlink(alone, domain, user_id, "one")
    await unlink(alone, domain, "nobody", "two")
    assert [link.identity for link in await store.select_links_of_user(domain.id, user_id)] == ["two"]
    for identity in ("one", "two"):
        await unlink(alone, other_domain, user_id, identity)
    assert await store.select_links_of_user(other_domain.id, user_id) == []


async def test_unlinks_of_all_identities_at_once_leave_one(alone: Account, store: Store, domain: Domain) -> None:
    await update(alone, domain, keep_last_identity=True)
    for each in range(25):
        user_id, identities = f"u{each}", ["one", "two", "three"]
        for identity in identities:
            await linked(store, domain.id, normalise("custom", f"{user_id} {identity}"), user_id, Clock().now())
        calls = (unlink(alone, domain, user_id, f"{user_id} {identity}") for identity in identities)
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert sum(isinstance(answer, grpc.aio.AioRpcError) for answer in answers) == 1
        assert len(await store.select_links_of_user(domain.id, user_id)) == 1
