"""Logon by DingTalk, against a stand-in that answers as DingTalk's documents have it."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from services.account.connectors import Kept, Proven, Wish, answers
from services.account.connectors.ding import DINGTALK, Ding
from services.account.errors import LogonRefused
from services.account.model.user_systems import DingSettings, UserSystem
from services.account.providers.fetch import SECONDS
from services.account.providers.names import Names
from services.runtime.errors import Unavailable
from tests.account.vendors import HOSTILE, REDIRECT_URI, Written, written
from tests.support.dingtalk import ACCESS_TOKEN, ME, USER_ACCESS_TOKEN, App, DingTalk, Person
from tests.support.standins import Reply, reply, serving

# By name: tracebacks have lines of this file.
WRONG_SECRET = "wrong-secret"
CODE = "the-code"
CORP = "ding5f6a00"
SYSTEM = UserSystem(
    "d1", "u1", DingSettings("dingapp1", corp_ids=(CORP,)), private_addresses=True, secret="ding-secret-1"
)
ANY = replace(SYSTEM, settings=DingSettings("dingapp1", any_corp=True))


@pytest_asyncio.fixture
async def dingtalk() -> AsyncIterator[DingTalk]:
    made = DingTalk()
    async with serving(made):
        yield made


@pytest.fixture
def ding(names: Names, dingtalk: DingTalk) -> Ding:
    return Ding(names, dingtalk.places)


async def log_on(
    ding: Ding, dingtalk: DingTalk, person: Person | None, corp_id: str = CORP, system: UserSystem = SYSTEM
) -> Proven:
    kept = Kept.fresh()
    answer = dingtalk.consent(await ding.leave(system, kept, REDIRECT_URI, Wish()), person, corp_id)
    assert answer.pop("state") == kept.state
    return await ding.come_back(system, kept, REDIRECT_URI, answer)


async def test_a_member_logs_on(ding: Ding, dingtalk: DingTalk) -> None:
    proven = await log_on(ding, dingtalk, Person())
    assert (proven.identity.type, proven.identity.key) == ("ding", f"{CORP}:liSii8KCxxxxx7iPM2NVbrAiEiE")
    assert proven.display_name == "张三"
    assert proven.avatar == "https://static-legacy.dingtalk.com/media/xxx.jpg"
    assert dingtalk.paths() == [USER_ACCESS_TOKEN, ME]


async def test_where_it_is_in_earnest(names: Names) -> None:
    url = await Ding(names).leave(SYSTEM, Kept("5" * 64, "", ""), "https://a.test/b?c=d&e", Wish())
    assert url == (
        "https://login.dingtalk.com/oauth2/auth?redirect_uri=https%3A%2F%2Fa.test%2Fb%3Fc%3Dd%26e&response_type=code"
        f"&client_id=dingapp1&scope=openid%20corpid&state={'5' * 64}&prompt=consent"
    )
    assert DINGTALK.api == "https://api.dingtalk.com"


async def test_of_another_corporation(ding: Ding, dingtalk: DingTalk) -> None:
    with pytest.raises(LogonRefused) as caught:
        await log_on(ding, dingtalk, Person(), "dingother")
    assert caught.value.key == "not_a_member"
    assert dingtalk.paths() == [USER_ACCESS_TOKEN], "of whom nothing more is asked"
    assert (await log_on(ding, dingtalk, Person(), "dingother", ANY)).identity.key.startswith("dingother:")


@pytest.mark.parametrize("system", [SYSTEM, ANY, replace(SYSTEM, settings=DingSettings("dingapp1"))])
async def test_of_no_corporation(ding: Ding, dingtalk: DingTalk, system: UserSystem) -> None:
    with pytest.raises(LogonRefused) as caught:
        await log_on(ding, dingtalk, Person(), "", system)
    assert caught.value.key == "not_a_member"


async def test_one_person_of_two_corporations_is_two_identities(ding: Ding, dingtalk: DingTalk) -> None:
    keys = [(await log_on(ding, dingtalk, Person(), corp_id, ANY)).identity.key for corp_id in (CORP, "dingother")]
    assert len(set(keys)) == 2


@pytest.mark.parametrize(
    ("answer", "key"),
    [
        ({"error": "access_denied"}, "cancelled"),
        ({"error": "server_error"}, "refused"),
        ({"error": "access_denied", "authCode": "CODE"}, "cancelled"),
        ({}, "cancelled"),
        ({"authCode": ""}, "cancelled"),
        ({"code": "CODE"}, "cancelled"),
        ({"authCode": "x" * 513}, "refused"),
        ({"authCode": "a\nb"}, "refused"),
        ({"authCode": "ä"}, "refused"),
    ],
)
async def test_who_brings_no_code_is_not_asked_about(
    ding: Ding, dingtalk: DingTalk, answer: dict[str, str], key: str
) -> None:
    with pytest.raises(LogonRefused) as caught:
        await ding.come_back(SYSTEM, Kept.fresh(), REDIRECT_URI, answer)
    assert caught.value.key == key
    assert dingtalk.asked == []


async def test_who_does_not_consent(ding: Ding, dingtalk: DingTalk) -> None:
    with pytest.raises(LogonRefused, match="cancelled"):
        await log_on(ding, dingtalk, None)


async def test_a_code_serves_once(ding: Ding, dingtalk: DingTalk) -> None:
    kept = Kept.fresh()
    answer = dingtalk.consent(await ding.leave(SYSTEM, kept, REDIRECT_URI, Wish()), Person(), CORP)
    await ding.come_back(SYSTEM, kept, REDIRECT_URI, answer)
    with pytest.raises(LogonRefused, match="refused"):
        await ding.come_back(SYSTEM, kept, REDIRECT_URI, answer)


async def test_a_code_of_another_app(ding: Ding, dingtalk: DingTalk) -> None:
    dingtalk.apps["dingapp2"] = App("ding-secret-2")
    other = replace(SYSTEM, settings=DingSettings("dingapp2", any_corp=True), secret="ding-secret-2")
    kept = Kept.fresh()
    answer = dingtalk.consent(await ding.leave(other, kept, REDIRECT_URI, Wish()), Person(), CORP)
    with pytest.raises(LogonRefused, match="refused"):
        await ding.come_back(SYSTEM, kept, REDIRECT_URI, answer)


@pytest.mark.parametrize("path", [USER_ACCESS_TOKEN, ME])
@pytest.mark.parametrize("what", HOSTILE)
async def test_hostile_answers(ding: Ding, dingtalk: DingTalk, path: str, what: str) -> None:
    dingtalk.instead[path] = HOSTILE[what]
    with pytest.raises(Unavailable):
        await log_on(ding, dingtalk, Person())


async def test_one_who_does_not_answer(ding: Ding, dingtalk: DingTalk) -> None:
    dingtalk.slow[ME] = 20 * SECONDS
    with pytest.raises(Unavailable) as caught:
        await log_on(ding, dingtalk, Person())
    assert ME in str(caught.value.detail)


async def test_one_who_takes_long_over_each(ding: Ding, dingtalk: DingTalk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "LOGON_SECONDS", 0.2)
    dingtalk.slow[USER_ACCESS_TOKEN] = dingtalk.slow[ME] = SECONDS / 2
    with pytest.raises(Unavailable, match="no answers within"):
        await log_on(ding, dingtalk, Person())


@pytest.mark.parametrize(
    "fields",
    [
        {"accessToken": 5, "corpId": CORP},
        {"accessToken": "", "corpId": CORP},
        {"accessToken": "t" * 2049, "corpId": CORP},
        {"accessToken": "a\r\nhost: b", "corpId": CORP},
        {"accessToken": "t", "corpId": [CORP]},
        {"accessToken": "t", "corpId": True},
        {"accessToken": "t", "corpId": "ding:x"},
        {"accessToken": "t", "corpId": "ding x"},
        {"accessToken": "t", "corpId": "d" * 121},
        {"accessToken": "t", "corpId": CORP, "errcode": 40078},
        {"accessToken": "t", "corpId": CORP, "code": "odd"},
    ],
)
async def test_tokens_that_are_none(ding: Ding, dingtalk: DingTalk, fields: dict[str, object]) -> None:
    dingtalk.instead[USER_ACCESS_TOKEN] = reply(**fields)
    with pytest.raises(Unavailable):
        await log_on(ding, dingtalk, Person(), system=ANY)
    assert dingtalk.paths() == [USER_ACCESS_TOKEN]


@pytest.mark.parametrize(
    "union_id", ["", 5, None, True, ["x"], "a\x00b", "a\nb", " a", "a ", "\uff41", "\ud800", "\u202ea", "u" * 121]
)
async def test_union_ids_that_are_none(ding: Ding, dingtalk: DingTalk, union_id: object) -> None:
    with pytest.raises(Unavailable):
        await log_on(ding, dingtalk, Person(further={"unionId": union_id}))


@pytest.mark.parametrize(
    "answer",
    [
        reply(403, code="Forbidden", unionId="u"),
        reply(500, unionId="u"),
        reply(code="Forbidden", unionId="u"),
        reply(errcode=40014, unionId="u"),
    ],
)
async def test_an_error_that_names_somebody(ding: Ding, dingtalk: DingTalk, answer: Reply) -> None:
    dingtalk.instead[ME] = answer
    with pytest.raises(Unavailable):
        await log_on(ding, dingtalk, Person())


async def test_union_ids_are_told_apart_to_the_letter(ding: Ding, dingtalk: DingTalk) -> None:
    ids = ["abc", "ABC", "abC", "abc+", "abc/=", "a:bc"]
    keys = {(await log_on(ding, dingtalk, Person(each))).identity.key for each in ids}
    assert keys == {f"{CORP}:{each}" for each in ids}


@pytest.mark.parametrize(
    ("nick", "name"),
    [
        (None, ""),
        (5, ""),
        ("  Ann\u2028 \x1b[31m", "Ann [31m"),
        ("\ud800<b>", "<b>"),
        ("名" * 500, "名" * 128),
    ],
)
async def test_names_that_are_odd(ding: Ding, dingtalk: DingTalk, nick: object, name: str) -> None:
    assert (await log_on(ding, dingtalk, Person(further={"nick": nick}))).display_name == name


@pytest.mark.parametrize(
    "url", [None, 5, "", "http://a.test/b.jpg", "javascript:alert(1)", "https://", "https://a.test/\n", "//a.test/b"]
)
async def test_pictures_that_are_none(ding: Ding, dingtalk: DingTalk, url: object) -> None:
    assert (await log_on(ding, dingtalk, Person(further={"avatarUrl": url}))).avatar == ""


async def test_an_app_that_may_not_read(ding: Ding, dingtalk: DingTalk) -> None:
    dingtalk.apps["dingapp1"].may_read = False
    with pytest.raises(Unavailable) as caught:
        await log_on(ding, dingtalk, Person())
    assert "Forbidden.AccessDenied.AccessTokenPermissionDenied" in str(caught.value.detail)


async def test_settings_that_are_right(ding: Ding, dingtalk: DingTalk) -> None:
    assert await ding.test(SYSTEM) == []
    assert dingtalk.paths() == [ACCESS_TOKEN, USER_ACCESS_TOKEN]


async def test_settings_of_a_vendors_app(ding: Ding, dingtalk: DingTalk) -> None:
    dingtalk.apps["suiteabc"] = App("suite-secret")
    system = replace(SYSTEM, settings=DingSettings("suiteabc", any_corp=True), secret="suite-secret")
    assert await ding.test(system) == []
    assert await ding.test(replace(system, secret="wrong")) == [WRONG_CLIENT]


WRONG_CLIENT = "DingTalk knows no app of this client id and client secret."


@pytest.mark.parametrize(
    ("system", "said"),
    [
        (replace(SYSTEM, secret="wrong"), [WRONG_CLIENT]),
        (replace(SYSTEM, settings=DingSettings("dingother", any_corp=True)), [WRONG_CLIENT]),
        (replace(SYSTEM, secret=""), ["The client secret is missing."]),
    ],
)
async def test_settings_that_are_wrong(ding: Ding, system: UserSystem, said: list[str]) -> None:
    assert await ding.test(system) == said


@pytest.mark.parametrize("path", [ACCESS_TOKEN, USER_ACCESS_TOKEN])
@pytest.mark.parametrize("what", HOSTILE)
async def test_settings_where_dingtalk_is_odd(ding: Ding, dingtalk: DingTalk, path: str, what: str) -> None:
    dingtalk.instead[path] = HOSTILE[what]
    (said,) = await ding.test(SYSTEM)
    assert re.fullmatch("DingTalk (gives no answer|does not answer a test as documented): .+[.]", said)


async def test_dingtalk_is_at_public_addresses(names: Names, dingtalk: DingTalk) -> None:
    """But for a domain whose systems may be at private ones: nobody's name server leads us elsewhere."""
    system = replace(SYSTEM, private_addresses=False)
    ding = Ding(names, replace(dingtalk.places, api=dingtalk.address.replace("http:", "https:")))
    with pytest.raises(Unavailable, match="not a public address"):
        await ding.come_back(system, Kept.fresh(), REDIRECT_URI, {"authCode": "c"})
    assert dingtalk.asked == []


async def test_no_secret_is_written(ding: Ding, dingtalk: DingTalk, caplog: pytest.LogCaptureFixture) -> None:
    with written(caplog) as kept:
        await log_on(ding, dingtalk, Person())
        await _refused_in_all_ways(ding, dingtalk, kept)
        for secret in (SYSTEM.secret, WRONG_SECRET):
            await ding.test(replace(SYSTEM, secret=secret))
    text = kept.text()
    assert "receive_response" in text, "libraries were listened to"
    for secret in ("ding-secret-1", WRONG_SECRET, "ding-token-", "refresh-", CODE):
        assert secret not in text


async def _refused_in_all_ways(ding: Ding, dingtalk: DingTalk, kept: Written) -> None:
    with kept.raised(LogonRefused):
        await ding.come_back(SYSTEM, Kept.fresh(), REDIRECT_URI, {"authCode": CODE})
    with kept.raised(Unavailable):
        await log_on(ding, dingtalk, Person(), system=replace(SYSTEM, secret=WRONG_SECRET))
    for path in (USER_ACCESS_TOKEN, ME):
        for answer in (*HOSTILE.values(), Reply(b"ding-secret-1 ding-token-1"), reply(400, code="ding-token- 1")):
            dingtalk.instead = {path: answer}
            with kept.raised(Unavailable):
                await log_on(ding, dingtalk, Person())
    dingtalk.instead = {}
