"""Codes by a webhook and by Alibaba Cloud's short messages: a request that is not as documented fails the test."""

import hashlib
import hmac
import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from deploy.certificates import Issued
from services.account.senders import Sender
from services.account.senders.acs3 import AccessKey, Call, signed
from services.account.senders.alibaba_sms import AlibabaSms, AlibabaSmsSender
from services.account.senders.posting import SECONDS
from services.account.senders.webhook import WebhookSender
from services.runtime.errors import Unavailable
from tests.account.sending import CODE, message
from tests.support.ports import free_ports
from tests.support.posts import Posted, believed_authority, serving, taking_posts

SECRET = "a secret that both sides have, and nobody else"
_OK = json.dumps({"Code": "OK", "Message": "OK", "BizId": "9006197469364984^0", "RequestId": "F655A8D5"}).encode()


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Issued:
    return believed_authority(tmp_path, monkeypatch)


def sms(url: str, international: str = "") -> AlibabaSmsSender:
    return AlibabaSmsSender(AlibabaSms(url, AccessKey("testid", SECRET), "汽车", "SMS_1", international))


async def refused(by: Sender, **changed: str) -> str:
    """Why, as the log has it."""
    with pytest.raises(Unavailable) as caught:
        await by.send(message("mobile", **changed))
    assert caught.value.message == "The sender of codes is unavailable. Try again."
    for secret in (CODE, SECRET):
        assert secret not in str(caught.value)
    return str(caught.value.detail)


def taken_by_webhook(posted: Posted) -> tuple[int, bytes]:
    """As the how-to tells a webhook to look at a request."""
    assert (posted.method, posted.path, posted.query) == ("POST", "/codes", "")
    assert posted.headers["content-type"] == "application/json"
    timestamp = posted.headers["x-tessera-timestamp"]
    assert abs(time.time() - int(timestamp)) < 60
    expected = hmac.new(SECRET.encode(), f"{timestamp}.".encode() + posted.body, "sha256").hexdigest()
    assert posted.headers["x-tessera-signature"] == f"sha256={expected}"
    return 204, b""


def taken_by_sms(posted: Posted) -> tuple[int, bytes]:
    """As the vendor documents the call and its signature."""
    assert (posted.method, posted.path, posted.body) == ("POST", "/", b"")
    found = re.fullmatch(
        r"ACS3-HMAC-SHA256 Credential=testid,SignedHeaders=([a-z0-9;-]+),Signature=([0-9a-f]{64})",
        posted.headers["authorization"],
    )
    assert found
    names = found[1].split(";")
    assert names == sorted(names)
    assert {"host", *(name for name in posted.headers if name.startswith("x-acs-"))} == set(names)
    assert posted.headers["x-acs-action"] == "SendSms"
    assert posted.headers["x-acs-version"] == "2017-05-25"
    assert posted.headers["x-acs-content-sha256"] == hashlib.sha256(b"").hexdigest()
    assert len(posted.headers["x-acs-signature-nonce"]) >= 16
    date = datetime.strptime(posted.headers["x-acs-date"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - date).total_seconds()) < 60
    assert posted.query.split("&") == sorted(posted.query.split("&"))
    assert re.fullmatch(r"[A-Za-z0-9._~%=&-]+", posted.query)
    lines = "".join(f"{name}:{posted.headers[name]}\n" for name in names)
    canonical = f"POST\n/\n{posted.query}\n{lines}\n{found[1]}\n{hashlib.sha256(b'').hexdigest()}"
    text = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    assert hmac.new(SECRET.encode(), text.encode(), "sha256").hexdigest() == found[2]
    return 200, _OK


def test_the_vendors_own_example_of_a_signature() -> None:
    query = {"RegionId": "cn-shanghai", "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"}
    call = Call("https://ecs.cn-shanghai.aliyuncs.com", "RunInstances", "2014-05-26", query)
    key = AccessKey("YourAccessKeyId", "YourAccessKeySecret")
    _, headers = signed(call, key, "2023-10-26T10:22:32Z", "3156853299f313e23d1673dc12e1703d")
    assert headers["authorization"].endswith(
        "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


async def test_a_code_to_a_webhook(authority: Issued, tmp_path: Path) -> None:
    async with taking_posts(serving(tmp_path, authority), taken_by_webhook) as posts:
        await WebhookSender(f"{posts.url}/codes", SECRET).send(message(address="张@example.com", language="zh"))
        assert json.loads(posts.taken[0].body) == {
            "type": "email",
            "address": "张@example.com",
            "purpose": "logon",
            "code": CODE,
            "expires_in": 300,
            "language": "zh",
            "domain_id": "bj1",
        }


async def test_a_code_by_short_message(authority: Issued, tmp_path: Path) -> None:
    async with taking_posts(serving(tmp_path, authority), taken_by_sms) as posts:
        await sms(posts.url).send(message("mobile"))
        await sms(posts.url, "SMS_2").send(message("mobile", address="+85261234567"))
        queries = [dict(parse_qsl(posted.query, strict_parsing=True)) for posted in posts.taken]
        assert queries == [
            {"PhoneNumbers": number, "SignName": "汽车", "TemplateCode": template, "TemplateParam": '{"code":"271828"}'}
            for number, template in (("13900001234", "SMS_1"), ("85261234567", "SMS_2"))
        ]
        # Each is good once.
        assert len({posted.headers["x-acs-signature-nonce"] for posted in posts.taken}) == 2
        # Without a template for them, numbers elsewhere are sent nothing.
        assert "outside the Chinese mainland" in await refused(sms(posts.url), address="+85261234567")
        assert len(posts.taken) == 2


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, b'{"Code": "isv.BUSINESS_LIMIT_CONTROL", "Message": "too many"}', "200, isv.BUSINESS_LIMIT_CONTROL"),
        (403, b'{"Code": "SignatureDoesNotMatch"}', "403, SignatureDoesNotMatch"),
        (503, b'{"Code": "OK"}', "503, OK"),
        (200, b"<xml/>", "no JSON with a Code"),
        (200, b"[]", "no JSON with a Code"),
        (200, b'{"Message": "OK"}', "no JSON with a Code"),
        (307, b"", "307"),
    ],
)
async def test_what_the_vendor_refuses(authority: Issued, tmp_path: Path, status: int, body: bytes, said: str) -> None:
    def answer(posted: Posted) -> tuple[int, bytes]:
        taken_by_sms(posted)
        return status, body

    async with taking_posts(serving(tmp_path, authority), answer) as posts:
        assert said in await refused(sms(posts.url))
        assert len(posts.taken) == 1


@pytest.mark.parametrize("status", [301, 400, 404, 500, 503])
async def test_what_a_webhook_refuses(authority: Issued, tmp_path: Path, status: int) -> None:
    async with taking_posts(serving(tmp_path, authority), lambda _: (status, CODE.encode())) as posts:
        assert f"answered {status}" in await refused(WebhookSender(posts.url, SECRET))
        assert len(posts.taken) == 1


async def test_who_is_slow_is_waited_for_once_and_not_for_long(authority: Issued, tmp_path: Path) -> None:
    async with taking_posts(serving(tmp_path, authority), lambda _: (200, _OK)) as posts:
        posts.seconds = 3 * SECONDS
        began = time.monotonic()
        await refused(WebhookSender(posts.url, SECRET))
        assert time.monotonic() - began < 2 * SECONDS
        assert len(posts.taken) == 1


async def test_who_is_not_who_he_should_be_is_told_nothing(authority: Issued, tmp_path: Path) -> None:
    async with taking_posts(serving(tmp_path, authority, "other.example.com"), lambda _: (200, _OK)) as posts:
        assert "Hostname mismatch" in await refused(WebhookSender(posts.url, SECRET))
        assert "Hostname mismatch" in await refused(sms(posts.url))
        assert not posts.taken


async def test_where_nobody_listens(authority: Issued) -> None:
    url = f"https://localhost:{free_ports(1)[0]}"
    for by in (WebhookSender(url, SECRET), sms(url)):
        assert "ConnectError" in await refused(by)
