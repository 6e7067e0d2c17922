"""Logon by WeCom, against a stand-in that answers as WeCom's documents have it."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from services.account.connectors import Kept, Proven, Wish, answers
from services.account.connectors.wechat import WECOM, Wechat
from services.account.errors import LogonRefused
from services.account.model.user_systems import UserSystem, WechatSettings
from services.account.providers.fetch import SECONDS
from services.account.providers.names import Names
from services.runtime.errors import Unavailable
from tests.account.vendors import HOSTILE, REDIRECT_URI, Written, written
from tests.support.standins import reply, serving
from tests.support.wecom import AGENT, GETTOKEN, GETUSERINFO, WeCom

# By name: tracebacks have lines of this file.
WRONG_SECRET = "wrong-secret"
CODE = "the-code"
SYSTEM = UserSystem("d1", "u1", WechatSettings("ww1111", "1000002"), private_addresses=True, secret="wecom-secret-1")


@pytest_asyncio.fixture
async def wecom() -> AsyncIterator[WeCom]:
    made = WeCom()
    async with serving(made):
        yield made


@pytest_asyncio.fixture
async def wechat(names: Names, wecom: WeCom) -> AsyncIterator[Wechat]:
    made = Wechat(names, wecom.places)
    yield made
    await made.close()


async def scanned(wechat: Wechat, wecom: WeCom, system: UserSystem = SYSTEM, **who: object) -> dict[str, str]:
    kept = Kept.fresh()
    answer = wecom.scan(await wechat.leave(system, kept, REDIRECT_URI, Wish()), **(who or {"userid": "zhangsan"}))
    assert answer.pop("state") == kept.state
    return answer


async def log_on(wechat: Wechat, wecom: WeCom, system: UserSystem = SYSTEM, **who: object) -> Proven:
    answer = await scanned(wechat, wecom, system, **who)
    return await wechat.come_back(system, Kept.fresh(), REDIRECT_URI, answer)


async def test_a_member_scans_the_code(wechat: Wechat, wecom: WeCom) -> None:
    proven = await log_on(wechat, wecom, userid="ZhangSan", user_ticket="ticket")
    assert (proven.identity.type, proven.identity.key) == ("wechat", "ww1111:zhangsan")
    assert (proven.display_name, proven.avatar) == ("ZhangSan", "")
    assert wecom.paths() == [GETTOKEN, GETUSERINFO]


async def test_a_member_is_in_the_app(wechat: Wechat, wecom: WeCom) -> None:
    url = await wechat.leave(SYSTEM, kept := Kept.fresh(), REDIRECT_URI, Wish(in_app=True))
    answer = wecom.open_in_app(url, userid="zhangsan")
    assert answer["state"] == kept.state
    proven = await wechat.come_back(SYSTEM, kept, REDIRECT_URI, answer)
    assert proven.identity.key == "ww1111:zhangsan"


async def test_where_it_is_in_earnest(names: Names) -> None:
    wechat, kept = Wechat(names), Kept("5" * 64, "", "")
    back = "https://a.test/b?c=d&e"
    assert await wechat.leave(SYSTEM, kept, back, Wish()) == (
        "https://login.work.weixin.qq.com/wwlogin/sso/login?login_type=CorpApp&appid=ww1111&agentid=1000002"
        f"&redirect_uri=https%3A%2F%2Fa.test%2Fb%3Fc%3Dd%26e&state={'5' * 64}"
    )
    assert await wechat.leave(SYSTEM, kept, back, Wish(in_app=True)) == (
        "https://open.weixin.qq.com/connect/oauth2/authorize?appid=ww1111"
        "&redirect_uri=https%3A%2F%2Fa.test%2Fb%3Fc%3Dd%26e&response_type=code&scope=snsapi_base"
        f"&state={'5' * 64}&agentid=1000002#wechat_redirect"
    )
    assert WECOM.api == "https://qyapi.weixin.qq.com/cgi-bin"


def test_a_state_is_of_the_characters_that_wecom_takes() -> None:
    states = {Kept.fresh().state for _ in range(100)}
    assert len(states) == 100
    assert all(re.fullmatch("[0-9a-f]{64}", each) for each in states)


@pytest.mark.parametrize(
    "who",
    [{"userid": "zhangsan"}, {"UserId": "zhangsan", "DeviceId": "d"}, {"userid": "zhangsan", "UserId": "zhangsan"}],
)
async def test_a_userid_in_both_spellings(wechat: Wechat, wecom: WeCom, who: dict[str, object]) -> None:
    assert (await log_on(wechat, wecom, **who)).identity.key == "ww1111:zhangsan"


async def test_a_userid_is_one_person_in_any_case(wechat: Wechat, wecom: WeCom) -> None:
    keys = {(await log_on(wechat, wecom, userid=each)).identity.key for each in ("li.si@x-1_a", "Li.Si@X-1_A")}
    assert keys == {"ww1111:li.si@x-1_a"}


@pytest.mark.parametrize(
    "who",
    [
        {"openid": "oAAA", "external_userid": "wmAAA"},
        {"OpenId": "oAAA", "DeviceId": "d"},
        {"userid": "", "openid": "oAAA"},
        {"userid": None, "openid": "zhangsan"},
    ],
)
async def test_who_is_no_member(wechat: Wechat, wecom: WeCom, who: dict[str, object]) -> None:
    with pytest.raises(LogonRefused) as caught:
        await log_on(wechat, wecom, **who)
    assert caught.value.key == "not_a_member"


@pytest.mark.parametrize(
    "who",
    [
        {"userid": 5},
        {"userid": True},
        {"userid": ["zhangsan"]},
        {"userid": "zhang san"},
        {"userid": "zhangsan\n"},
        {"userid": "zhangsan\x00"},
        {"userid": "\ud800"},
        {"userid": "张三"},
        {"userid": "\u212a"},  # the sign of Kelvin, which is `k` in lower case
        {"userid": "a:b"},
        {"userid": "-a"},
        {"userid": "a" * 65},
        {"userid": "zhangsan", "UserId": "lisi"},
    ],
)
async def test_userids_that_are_none(wechat: Wechat, wecom: WeCom, who: dict[str, object]) -> None:
    with pytest.raises(Unavailable):
        await log_on(wechat, wecom, **who)


@pytest.mark.parametrize(
    ("answer", "key"),
    [
        ({}, "cancelled"),
        ({"code": ""}, "cancelled"),
        ({"auth_code": "c"}, "cancelled"),
        ({"error": "access_denied", "code": "c"}, "cancelled"),
        ({"code": "x" * 513}, "refused"),
        ({"code": "a&access_token=\n"}, "refused"),
    ],
)
async def test_who_brings_no_code_is_not_asked_about(
    wechat: Wechat, wecom: WeCom, answer: dict[str, str], key: str
) -> None:
    with pytest.raises(LogonRefused) as caught:
        await wechat.come_back(SYSTEM, Kept.fresh(), REDIRECT_URI, answer)
    assert caught.value.key == key
    assert wecom.asked == []


async def test_a_code_that_would_be_more_than_a_code(wechat: Wechat, wecom: WeCom) -> None:
    with pytest.raises(LogonRefused, match="refused"):
        await wechat.come_back(SYSTEM, Kept.fresh(), REDIRECT_URI, {"code": "a&access_token=b#c%26d=e+f"})
    assert dict(wecom.asked[-1].query)["code"] == "a&access_token=b#c%26d=e+f"


async def test_a_code_serves_once(wechat: Wechat, wecom: WeCom) -> None:
    answer = await scanned(wechat, wecom)
    await wechat.come_back(SYSTEM, Kept.fresh(), REDIRECT_URI, answer)
    with pytest.raises(LogonRefused, match="refused"):
        await wechat.come_back(SYSTEM, Kept.fresh(), REDIRECT_URI, answer)


@pytest.mark.parametrize(
    "other",
    [
        replace(SYSTEM, settings=WechatSettings("ww1111", "1000003"), secret="wecom-secret-2"),
        replace(SYSTEM, settings=WechatSettings("ww2222", "1000002"), secret="wecom-secret-3"),
    ],
)
async def test_a_code_of_another_app_or_corporation(wechat: Wechat, wecom: WeCom, other: UserSystem) -> None:
    answer = await scanned(wechat, wecom, other)
    with pytest.raises(LogonRefused, match="refused"):
        await wechat.come_back(SYSTEM, Kept.fresh(), REDIRECT_URI, answer)
    assert (await wechat.come_back(other, Kept.fresh(), REDIRECT_URI, answer)).identity.key.endswith(":zhangsan")


async def test_one_token_serves_many(wechat: Wechat, wecom: WeCom) -> None:
    for _ in range(3):
        await log_on(wechat, wecom)
    # A system of another domain that has the same secret has the token anyway; one that has not, has not.
    await log_on(wechat, wecom, replace(SYSTEM, domain_id="d2"))
    assert wecom.paths().count(GETTOKEN) == 1
    with pytest.raises(Unavailable, match="errcode 40001"):
        await log_on(wechat, wecom, replace(SYSTEM, secret="guessed"))
    assert wecom.paths().count(GETUSERINFO) == 4


async def test_many_at_once_ask_for_one_token(wechat: Wechat, wecom: WeCom) -> None:
    wecom.slow[GETTOKEN] = 0.2
    answers = [await scanned(wechat, wecom, userid=f"u{number}") for number in range(8)]
    proven = await asyncio.gather(*(wechat.come_back(SYSTEM, Kept.fresh(), REDIRECT_URI, each) for each in answers))
    assert [each.identity.key for each in proven] == [f"ww1111:u{number}" for number in range(8)]
    assert wecom.paths().count(GETTOKEN) == 1


async def test_who_goes_away_does_not_end_it_for_the_others(wechat: Wechat, wecom: WeCom) -> None:
    wecom.slow[GETTOKEN] = 0.3
    first, second = [await scanned(wechat, wecom), await scanned(wechat, wecom, userid="lisi")]
    leaves = asyncio.create_task(wechat.come_back(SYSTEM, Kept.fresh(), REDIRECT_URI, first))
    stays = asyncio.create_task(wechat.come_back(SYSTEM, Kept.fresh(), REDIRECT_URI, second))
    while GETTOKEN not in wecom.paths():
        await asyncio.sleep(0.01)
    leaves.cancel()
    assert (await stays).identity.key == "ww1111:lisi"
    assert wecom.paths().count(GETTOKEN) == 1


async def test_who_waits_is_told_that_it_failed(wechat: Wechat, wecom: WeCom) -> None:
    wecom.slow[GETTOKEN], wecom.instead[GETTOKEN] = 0.2, reply(errcode=-1, errmsg="system busy")
    answers = [await scanned(wechat, wecom) for _ in range(3)]
    ended = await asyncio.gather(
        *(wechat.come_back(SYSTEM, Kept.fresh(), REDIRECT_URI, each) for each in answers), return_exceptions=True
    )
    assert [type(each) for each in ended] == [Unavailable] * 3
    assert wecom.paths() == [GETTOKEN]
    wecom.slow, wecom.instead = {}, {}
    assert await wechat.come_back(SYSTEM, Kept.fresh(), REDIRECT_URI, answers[0])


async def test_a_token_is_fetched_anew_before_its_end(wechat: Wechat, wecom: WeCom) -> None:
    wecom.expires_in = 300
    await log_on(wechat, wecom)
    await log_on(wechat, wecom)
    assert wecom.paths().count(GETTOKEN) == 2


async def test_a_token_that_would_never_end(wechat: Wechat, wecom: WeCom) -> None:
    wecom.expires_in = 10**400
    await log_on(wechat, wecom)
    await log_on(wechat, wecom)
    assert wecom.paths().count(GETTOKEN) == 1


@pytest.mark.parametrize("errcode", [40014, 42001])
async def test_a_token_that_ended_early_is_replaced_once(wechat: Wechat, wecom: WeCom, errcode: int) -> None:
    await log_on(wechat, wecom)
    wecom.end_tokens(errcode)
    assert (await log_on(wechat, wecom, userid="lisi")).identity.key == "ww1111:lisi"
    assert wecom.paths() == [GETTOKEN, GETUSERINFO, GETUSERINFO, GETTOKEN, GETUSERINFO]
    wecom.instead[GETUSERINFO] = reply(errcode=errcode, errmsg="")
    with pytest.raises(Unavailable, match=f"errcode {errcode}"):
        await log_on(wechat, wecom)
    assert wecom.paths()[5:] == [GETUSERINFO, GETTOKEN, GETUSERINFO], "and not for ever"


async def test_many_whose_token_ended_replace_it_once(wechat: Wechat, wecom: WeCom) -> None:
    await log_on(wechat, wecom)
    answers = [await scanned(wechat, wecom) for _ in range(5)]
    wecom.end_tokens(42001)
    await asyncio.gather(*(wechat.come_back(SYSTEM, Kept.fresh(), REDIRECT_URI, each) for each in answers))
    assert wecom.paths().count(GETTOKEN) == 2


@pytest.mark.parametrize("errcode", [-1, 50001, 60020, 48002, 45009])
@pytest.mark.parametrize("path", [GETTOKEN, GETUSERINFO])
async def test_errors_within_200(wechat: Wechat, wecom: WeCom, path: str, errcode: int) -> None:
    wecom.instead[path] = reply(errcode=errcode, errmsg="odd", access_token="t", expires_in=7200, userid="zhangsan")
    with pytest.raises(Unavailable) as caught:
        await log_on(wechat, wecom)
    assert str(caught.value.detail).endswith(f"errcode {errcode}")


@pytest.mark.parametrize("path", [GETTOKEN, GETUSERINFO])
@pytest.mark.parametrize("what", HOSTILE)
async def test_hostile_answers(wechat: Wechat, wecom: WeCom, path: str, what: str) -> None:
    wecom.instead[path] = HOSTILE[what]
    with pytest.raises(Unavailable):
        await log_on(wechat, wecom)


@pytest.mark.parametrize("errcode", ["0", "40029", None, True, [], {"a": 1}, 0.5])
async def test_errcodes_that_are_none(wechat: Wechat, wecom: WeCom, errcode: object) -> None:
    wecom.instead[GETUSERINFO] = reply(errcode=errcode, userid="zhangsan")
    with pytest.raises(Unavailable):
        await log_on(wechat, wecom)


async def test_one_who_does_not_answer(wechat: Wechat, wecom: WeCom) -> None:
    wecom.slow[GETUSERINFO] = 20 * SECONDS
    with pytest.raises(Unavailable) as caught:
        await log_on(wechat, wecom)
    assert GETUSERINFO in str(caught.value.detail)


async def test_one_who_takes_long_over_each(wechat: Wechat, wecom: WeCom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "LOGON_SECONDS", 0.2)
    wecom.slow[GETTOKEN] = wecom.slow[GETUSERINFO] = SECONDS / 2
    with pytest.raises(Unavailable, match="no answers within"):
        await log_on(wechat, wecom)


@pytest.mark.parametrize(
    "fields",
    [
        {"expires_in": 7200},
        {"access_token": 5, "expires_in": 7200},
        {"access_token": "a b", "expires_in": 7200},
        {"access_token": "t" * 513, "expires_in": 7200},
        {"access_token": "t"},
        {"access_token": "t", "expires_in": "7200"},
        {"access_token": "t", "expires_in": True},
    ],
)
async def test_tokens_that_are_none(wechat: Wechat, wecom: WeCom, fields: dict[str, object]) -> None:
    wecom.instead[GETTOKEN] = reply(errcode=0, errmsg="ok", **fields)
    with pytest.raises(Unavailable):
        await log_on(wechat, wecom)
    assert wecom.paths() == [GETTOKEN]


async def test_settings_that_are_right(wechat: Wechat, wecom: WeCom) -> None:
    await log_on(wechat, wecom)
    assert await wechat.test(SYSTEM) == []
    assert wecom.paths()[2:] == [GETTOKEN, GETUSERINFO, AGENT], "by a token of its own"


@pytest.mark.parametrize(
    ("system", "said"),
    [
        (replace(SYSTEM, secret=""), "The secret is missing."),
        (replace(SYSTEM, secret="wrong"), "The secret is none of this corporation's."),
        (replace(SYSTEM, secret="wecom-secret-3"), "The secret is another corporation's."),
        (
            replace(SYSTEM, settings=WechatSettings("ww9999", "1000002")),
            "WeCom knows no corporation of this corp id.",
        ),
        (
            replace(SYSTEM, settings=WechatSettings("ww1111", "1000003")),
            "The agent id is not that of the app whose secret this is.",
        ),
    ],
)
async def test_settings_that_are_wrong(wechat: Wechat, system: UserSystem, said: str) -> None:
    assert await wechat.test(system) == [said]


async def test_settings_where_this_machine_is_not_trusted(wechat: Wechat, wecom: WeCom) -> None:
    wecom.not_trusted_here = True
    (said,) = await wechat.test(SYSTEM)
    assert "trusted IP addresses" in said


@pytest.mark.parametrize("path", [GETTOKEN, GETUSERINFO, AGENT])
@pytest.mark.parametrize("what", HOSTILE)
async def test_settings_where_wecom_is_odd(wechat: Wechat, wecom: WeCom, path: str, what: str) -> None:
    wecom.instead[path] = HOSTILE[what]
    (said,) = await wechat.test(SYSTEM)
    assert re.fullmatch("WeCom (gives no answer: .+|.+: errcode 33012)[.]", said)


async def test_wecom_is_at_public_addresses(names: Names, wecom: WeCom) -> None:
    """But for a domain whose systems may be at private ones: nobody's name server leads us elsewhere."""
    wechat = Wechat(names, replace(wecom.places, api=wecom.places.api.replace("http:", "https:")))
    with pytest.raises(Unavailable, match="not a public address"):
        await wechat.come_back(replace(SYSTEM, private_addresses=False), Kept.fresh(), REDIRECT_URI, {"code": "c"})
    assert wecom.asked == []


async def test_no_secret_is_written(
    wechat: Wechat, wecom: WeCom, names: Names, caplog: pytest.LogCaptureFixture
) -> None:
    """They are in queries, which libraries like to write."""
    nowhere = Wechat(names, replace(wecom.places, api="http://127.0.0.1:1/cgi-bin"))
    with written(caplog) as kept:
        await log_on(wechat, wecom)
        await _refused_in_all_ways(wechat, wecom, kept)
        with kept.raised(Unavailable):
            await nowhere.come_back(SYSTEM, Kept.fresh(), REDIRECT_URI, {"code": CODE})
        for secret in (SYSTEM.secret, WRONG_SECRET):
            await wechat.test(replace(SYSTEM, secret=secret))
    text = kept.text()
    assert "receive_response" in text, "libraries were listened to"
    for secret in ("wecom-secret-1", WRONG_SECRET, CODE, *wecom.tokens):
        assert secret not in text


async def _refused_in_all_ways(wechat: Wechat, wecom: WeCom, kept: Written) -> None:
    with kept.raised(LogonRefused):
        await wechat.come_back(SYSTEM, Kept.fresh(), REDIRECT_URI, {"code": CODE})
    with kept.raised(Unavailable):
        await log_on(wechat, wecom, replace(SYSTEM, secret=WRONG_SECRET))
    for path in (GETTOKEN, GETUSERINFO):
        for answer in (*HOSTILE.values(), reply(errcode="wecom-secret-1"), reply(errcode=40014)):
            wecom.end_tokens(42001)
            wecom.instead = {path: answer}
            with kept.raised(Unavailable):
                await log_on(wechat, wecom)
    wecom.instead = {}
