"""From an app to a vendor's page and back, with a code for a token; at stand-ins that refuse what is not theirs."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from urllib.parse import urlsplit
from uuid import UUID

import pytest
import pytest_asyncio

from services.account.connectors import Redirecting
from services.account.connectors.ding import Ding
from services.account.connectors.ram import Ram
from services.account.connectors.wechat import Wechat
from services.account.model.user_systems import (
    DingSettings,
    RamSettings,
    UserSystem,
    UserSystemSettings,
    WechatSettings,
)
from services.account.providers import ProviderKeys
from services.account.providers.names import Names
from services.runtime.clock import Clock
from tests.account.pages.browsers import Browser, target
from tests.account.pages.sitting import Sitting, serving_pages
from tests.support import dingtalk, ram, wecom
from tests.support.standins import serving
from tests.support.token import ISSUER

SECRET = "a-secret"


@dataclass(frozen=True)
class Vendor:
    """A user system of a vendor's, and what a person does on its page: an address, and what that answers."""

    system: UserSystem
    connector: Redirecting
    prove: Callable[[str], Mapping[str, str]]
    name: str


@pytest_asyncio.fixture(params=["ding", "ram", "wechat"])
async def vendor(request: pytest.FixtureRequest, sitting: Sitting, names: Names) -> AsyncIterator[Vendor]:
    system_id = str(sitting.resources.new_id())
    back = f"{ISSUER}/logon/back/{system_id}"

    def system(settings: UserSystemSettings) -> UserSystem:
        return UserSystem(sitting.domain_id, system_id, settings=settings, private_addresses=True, secret=SECRET)

    async with AsyncExitStack() as open_:
        if request.param == "ding":
            ding = dingtalk.DingTalk()
            ding.apps["dingapp1"] = dingtalk.App(SECRET, redirect_uri=back)
            await open_.enter_async_context(serving(ding))
            yield Vendor(
                system(DingSettings("dingapp1", corp_ids=("ding1",))),
                Ding(names, ding.places),
                lambda url: ding.consent(url, dingtalk.Person(), "ding1"),
                "张三",
            )
        elif request.param == "ram":
            cloud = await open_.enter_async_context(ram.running_ram("4567890123456789012", SECRET, back))
            keys = ProviderKeys(names)
            open_.push_async_callback(keys.close)
            yield Vendor(
                system(RamSettings("4567890123456789012", ("1234567890123456",))),
                Ram(names, keys, Clock(), cloud.site, replace(cloud.site, issuer="https://oauth.alibabacloud.com")),
                cloud.log_on,
                "王小明",
            )
        else:
            company = wecom.WeCom()
            company.apps = [wecom.App("ww1111", "1000002", SECRET, domain=urlsplit(back).netloc)]
            await open_.enter_async_context(serving(company))
            connector = Wechat(names, company.places)
            open_.push_async_callback(connector.close)
            yield Vendor(
                system(WechatSettings("ww1111", "1000002")),
                connector,
                lambda url: company.scan(url, userid="zhangsan"),
                "zhangsan",
            )


async def test_from_an_app_to_its_token(sitting: Sitting, vendor: Vendor) -> None:
    resources = replace(sitting.resources, connectors={vendor.system.type: vendor.connector})
    system_id, store = vendor.system.user_system_id, resources.store
    assert await store.insert_user_system(vendor.system, resources.clock.now())
    async with serving_pages(resources) as stub:
        browser = Browser(stub)
        away = await browser.follow(await browser.get(sitting.ask(login_type=vendor.system.type)))
        assert away.status == 303
        answer = vendor.prove(away.location)
        back = target(f"/logon/back/{system_id}", **answer)
        page = await browser.follow(await browser.get(back))
        assert vendor.name in page.text
        app = await browser.fill(page, answer="allow")
        assert app.answer["state"] == "the state"
        token = await sitting.token.redeem(sitting.app, app.answer["code"])
        assert token.user_id
        assert "code" not in (await browser.follow(await browser.get(back))).answer
    await store.delete_user_system(sitting.domain_id, UUID(system_id), None)
