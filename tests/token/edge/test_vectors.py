"""Signatures that others made: the vendors' pages and clients."""

import base64
import hashlib

import pytest

from services.token.edge.access_keys import PDS, RPC, Signed
from services.token.edge.request import Request
from services.token.edge.schemes.acs import Acs
from services.token.edge.schemes.acs3 import Acs3
from services.token.edge.schemes.acs4 import Acs4
from services.token.edge.schemes.sign import _sign
from services.token.edge.schemes.signature import Signature
from tests.support import signatures


def request(path: str, method: str = "POST", body: bytes = b"", host: str = "", **headers: str) -> Request:
    bare, _, query = path.partition("?")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("", method, bare, query, named, body, host, None)


def made_by(signed: Signed, secret: str) -> str:
    return signed.sign(secret.encode(), signed.to_sign.encode())


def test_acs_as_the_vendors_client_sent_it() -> None:
    sent = request(
        "/v2/account/link",
        body=b'{"extra":"86","identity":"13900001111","type":"mobile","user_id":"u 1"}',
        date="Sun, 22 Nov 2026 04:45:09 GMT",
        x_acs_version="2022-03-01",
        x_acs_action="LinkAccount",
        user_agent="AlibabaCloud (Linux; x86_64) Python/3.11.7 Core/0.4.3 TeaDSL/2",
        x_acs_signature_nonce="474495649b8e9e33b7ee5474c2d12ae6",
        accept="application/json",
        content_type="application/json; charset=utf-8",
        x_acs_signature_method="HMAC-SHA1",
        x_acs_signature_version="1.0",
        authorization="acs testid:nHYWmgLdF5KhIMLrQDUrQQgF+fQ=",
    )
    signed = Acs.read(sent)
    assert (signed.key_id, signed.signature) == ("testid", "nHYWmgLdF5KhIMLrQDUrQQgF+fQ=")
    assert made_by(signed, "testsecret") == signed.signature


def test_signature_1_0_of_the_vendors_page() -> None:
    parameters = (
        "Action=DescribeRegions&Format=XML&SignatureMethod=HMAC-SHA1&Version=2014-05-26&AccessKeyId=testid"
        "&SignatureNonce=3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf&SignatureVersion=1.0&Timestamp=2016-02-23T12%3A46%3A24Z"
        "&Signature=OLeaidS1JvxuMvnyHOwuJ%2BuX5qY%3D"
    )
    signed = Signature.read(request(f"/?{parameters}", "GET"))
    assert signed.to_sign == (
        "GET&%2F&AccessKeyId%3Dtestid%26Action%3DDescribeRegions%26Format%3DXML%26SignatureMethod%3DHMAC-SHA1"
        "%26SignatureNonce%3D3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf%26SignatureVersion%3D1.0"
        "%26Timestamp%3D2016-02-23T12%253A46%253A24Z%26Version%3D2014-05-26"
    )
    assert made_by(signed, "testsecret") == signed.signature == "OLeaidS1JvxuMvnyHOwuJ+uX5qY="


def test_acs3_of_the_vendors_page() -> None:
    digest = "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    listed = "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version"
    sent = request(
        "/?ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai",
        host="ecs.cn-shanghai.aliyuncs.com",
        x_acs_action="RunInstances",
        x_acs_version="2014-05-26",
        x_acs_date="2023-10-26T10:22:32Z",
        x_acs_signature_nonce="3156853299f313e23d1673dc12e1703d",
        x_acs_content_sha256=hashlib.sha256(b"").hexdigest(),
        authorization=f"ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders={listed},Signature={digest}",
    )
    for words in (PDS, RPC):
        signed = Acs3(words).read(sent)
        assert signed.to_sign.endswith("\n7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259")
        assert made_by(signed, "YourAccessKeySecret") == signed.signature == digest


def test_acs4_by_its_description() -> None:
    """No vector is published; the vendor's own client is run against the gateway by tests/e2e."""
    date, body = "Sun, 22 Nov 2026 04:45:09 GMT", b'{"user_id":"u"}'
    headers = signatures.acs4("testid", "testsecret", "/v2/account/link", body, date=date)
    signed = Acs4.read(request("/v2/account/link", body=body, **headers))
    assert f"Credential=testid/{date[:10]}/center/pds/" in headers["authorization"]
    assert made_by(signed, "testsecret") == signed.signature


_PAGE = (
    b'{"audience_type": "account",%s"message": {"title": "test title","content": "test content","android": { "action":'
    b' {"action_type": 3,"intent": "xgscheme://com.xg.push/notify_detail?param1=xg"}}},"message_type": "notify",'
    b'"account_list": ["5822f0eee44c3625ef0000bb"] }'
)


@pytest.mark.parametrize(
    ("platform", "digest"),
    [
        (b"", "09f07d2a518a8814e369dcd9534f10b8a29d128531a19adaa28cb247605c1e84"),
        (b'"platform": "android",', "cd20774682bf78bfdb43e17d1d5d56b3e5b789a1670fc1527ef54c65d2d7b76d"),
    ],
)
def test_sign_of_the_vendors_page(platform: bytes, digest: str) -> None:
    made = _sign(b"1452fcebae9f3115ba794fb0fff2fd73", b"1565314789" + b"1500001048" + _PAGE % platform)
    assert base64.b64decode(made).decode() == digest
