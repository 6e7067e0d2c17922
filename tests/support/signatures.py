"""Signed requests as the vendors' clients make them: written after their descriptions, and not after the service.

Each maker answers the headers of a request, or its parameters. `**changed` replaces headers, or takes them away where
it is `None`, before they are signed.
"""

import base64
import hashlib
import hmac
import time
import uuid
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any
from urllib.parse import quote

Headers = dict[str, str]

JSON = "application/json; charset=utf-8"


def http_date(ahead: float = 0) -> str:
    return formatdate(time.time() + ahead, usegmt=True)


def iso_date(ahead: float = 0) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + ahead))


def _changed(headers: Headers, changed: Mapping[str, str | None]) -> Headers:
    merged = headers | {name.replace("_", "-"): value for name, value in changed.items()}
    return {name: value for name, value in merged.items() if value is not None}


def _resource(path: str, query: Mapping[str, str]) -> str:
    pairs = [name if value == "" else f"{name}={value}" for name, value in sorted(query.items())]
    return path + ("?" + "&".join(pairs) if pairs else "")


def _acs_lines(headers: Headers) -> str:
    lines = [headers.get(name, "") for name in ("accept", "content-md5", "content-type", "date")]
    lines += [f"{name}:{headers[name]}" for name in sorted(headers) if name.startswith("x-acs-")]
    return "".join(line + "\n" for line in lines)


def pds_headers(action: str = "LinkAccount", **changed: str | None) -> Headers:
    """What the vendor's client sends beside its signature."""
    headers = {
        "date": http_date(),
        "accept": "application/json",
        "content-type": JSON,
        "x-acs-version": "2022-03-01",
        "x-acs-action": action,
        "x-acs-signature-nonce": uuid.uuid4().hex,
    }
    return _changed(headers, changed)


def acs(
    key: str,
    secret: str,
    path: str,
    query: Mapping[str, str] | None = None,
    method: str = "POST",
    **changed: str | None,
) -> Headers:
    """`Authorization: acs`. The body is not signed."""
    headers = pds_headers(**({"x_acs_signature_method": "HMAC-SHA1", "x_acs_signature_version": "1.0"} | changed))
    text = f"{method}\n{_acs_lines(headers)}{_resource(path, query or {})}"
    signature = base64.b64encode(hmac.new(secret.encode(), text.encode(), "sha1").digest()).decode()
    return headers | {"authorization": f"acs {key}:{signature}"}


def acs4(
    key: str,
    secret: str,
    path: str,
    body: bytes,
    *,
    query: Mapping[str, str] | None = None,
    method: str = "POST",
    region: str = "center",
    **changed: str | None,
) -> Headers:
    """`Authorization: ACS4-HMAC-SHA256`."""
    digest = hashlib.sha256(body).hexdigest()
    headers = pds_headers(**({"x_acs_content_sha256": digest} | changed))
    names = ";".join(sorted(name for name in headers if name.startswith("x-acs-")))
    canonical = f"{method}\n{_resource(path, query or {})}\n{_acs_lines(headers)}\n{names}\n{digest}"
    text = "ACS4-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
    derived = b"aliyun_v4" + secret.encode()
    scope = (headers.get("date", "")[:10], region, "pds", "aliyun_v4_request")
    for part in scope:
        derived = hmac.new(derived, part.encode(), "sha256").digest()
    signature = hmac.new(derived, text.encode(), "sha256").hexdigest()
    credential = "/".join((key, *scope))
    return headers | {
        "authorization": f"ACS4-HMAC-SHA256 Credential={credential},SignedHeaders={names},Signature={signature}"
    }


def acs3(
    key: str,
    secret: str,
    path: str,
    body: bytes = b"",
    *,
    query: Mapping[str, str] | None = None,
    method: str = "POST",
    unsigned: tuple[str, ...] = (),
    **changed: str | None,
) -> Headers:
    """`Authorization: ACS3-HMAC-SHA256`. `host` is among the headers."""
    digest = hashlib.sha256(body).hexdigest()
    headers = {
        "host": "gateway.example.com",
        "x-acs-version": "2022-03-01",
        "x-acs-action": "LinkAccount",
        "x-acs-date": iso_date(),
        "x-acs-signature-nonce": uuid.uuid4().hex,
        "x-acs-content-sha256": digest,
        "content-type": JSON,
        "user-agent": "AlibabaCloud",
    }
    headers = _changed(headers, changed)
    signed = sorted(set(headers) - set(unsigned))
    encoded = "&".join(f"{name}={quote(value, safe='~')}" for name, value in sorted((query or {}).items()))
    canonical = "\n".join(
        (
            method,
            path,
            encoded,
            "".join(f"{name}:{headers[name]}\n" for name in signed),
            ";".join(signed),
            digest,
        )
    )
    text = "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()
    signature = hmac.new(secret.encode(), text.encode(), "sha256").hexdigest()
    listed = ";".join(signed)
    return headers | {
        "authorization": f"ACS3-HMAC-SHA256 Credential={key},SignedHeaders={listed},Signature={signature}"
    }


def _escaped(text: str) -> str:
    return quote(text, safe="~")


def rpc_text(parameters: Mapping[str, str], method: str) -> str:
    """The string to sign of version 1.0."""
    joined = "&".join(f"{_escaped(name)}={_escaped(value)}" for name, value in sorted(parameters.items()))
    return f"{method}&%2F&{_escaped(joined)}"


def rpc(key: str, secret: str, method: str = "GET", **parameters: Any) -> dict[str, str]:
    """Parameters of an RPC-style call, with version 1.0 of the signature; those that are `None` are left out."""
    common = {
        "Action": "DescribeOpenAccount",
        "Version": "2018-05-01",
        "Format": "JSON",
        "RegionId": "cn-shanghai",
        "AccessKeyId": key,
        "SignatureMethod": "HMAC-SHA1",
        # As the vendor's client for Python sends it.
        "SignatureType": "",
        "SignatureVersion": "1.0",
        "SignatureNonce": uuid.uuid4().hex,
        "Timestamp": iso_date(),
    }
    sent = {name: value for name, value in (common | parameters).items() if value is not None}
    digest = hmac.new(f"{secret}&".encode(), rpc_text(sent, method).encode(), "sha1").digest()
    return sent | {"Signature": base64.b64encode(digest).decode()}


def sign(access_id: int | str, secret: str, body: bytes, seconds: int | str | None = None) -> Headers:
    """Headers of a push backend's call."""
    seconds = str(int(time.time()) if seconds is None else seconds)
    digest = hmac.new(secret.encode(), f"{seconds}{access_id}".encode() + body, "sha256").hexdigest()
    return {
        "accessid": str(access_id),
        "timestamp": seconds,
        "sign": base64.b64encode(digest.encode()).decode(),
        "content-type": "application/json",
    }
