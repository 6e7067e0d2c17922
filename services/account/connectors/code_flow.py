"""The code flow of OpenID Connect (Core section 3.1), as far as the user systems that speak it are alike."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from services.account.connectors import Kept
from services.account.connectors.strangers import error_code, plain
from services.account.errors import IdpUnavailable, IdTokenInvalid, LogonRefused
from services.account.providers import ProviderKeys, verify
from services.account.providers.fetch import FetchError, Reach, request_json
from services.runtime import jws
from services.runtime.errors import Unavailable

Credentials = tuple[Mapping[str, str], tuple[str, str] | None]
"""What proves our client to a token endpoint: fields of the form, and what is sent by HTTP Basic."""


@dataclass(frozen=True, slots=True)
class SystemSigner:
    """A user system, as one who signs ID tokens (`providers.keys.Signer`)."""

    domain_id: str
    idp: str
    issuer: str
    audiences: tuple[str, ...]
    algorithms: tuple[str, ...]
    jwks_uri: str
    private_addresses: bool
    jwks: str = ""

    @property
    def place(self) -> tuple[object, ...]:
        """All that decides what its keys are."""
        return (self.idp, self.issuer, self.jwks_uri, self.private_addresses)


def destination(endpoint: str, kept: Kept, asked: Mapping[str, str]) -> str:
    """The URL that a browser is sent to, to ask for a code with PKCE by S256 (RFC 7636).

    Args:
        endpoint: the authorization endpoint; a query of its own stays (RFC 6749 section 3.1).
        kept: what the answer is bound to.
        asked: further parameters.
    """
    challenge = jws.encode(hashlib.sha256(kept.verifier.encode()).digest())
    query = {
        "response_type": "code",
        **asked,
        "state": kept.state,
        "nonce": kept.nonce,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return endpoint + ("&" if "?" in endpoint else "?") + urlencode(query, quote_via=quote)


def code_of(answer: Mapping[str, str]) -> str:
    """The code with which a browser came back.

    Raises:
        LogonRefused: it brought an error, no code, or both.
    """
    if "error" in answer:
        error = answer["error"]
        key = "cancelled" if error == "access_denied" and "code" not in answer else "refused"
        raise LogonRefused(key, f"came back with error {error_code(error)}")
    if not answer.get("code"):
        raise LogonRefused("refused", "came back without a code")
    return answer["code"]


async def redeem(
    endpoint: str, reach: Reach, credentials: Credentials, *, code: str, redirect_uri: str, verifier: str
) -> Mapping[str, Any]:
    """Redeem a code.

    Args:
        endpoint: the token endpoint.
        reach: where it may be.
        credentials: by which our client is proven.
        code: what the browser brought.
        redirect_uri: the same as the browser was sent with.
        verifier: what the challenge was made of that the browser was sent with.

    Returns:
        What was answered; `id_token` is in it, a text.

    Raises:
        LogonRefused: the code is not good, or not this browser's.
        Unavailable: nobody answers; or what is answered is neither, as it is where our client is not known there.
    """
    fields, auth = credentials
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
        **fields,
    }
    try:
        answer = await request_json("POST", endpoint, reach, form=form, auth=auth)
    except FetchError as error:
        raise Unavailable("provider", detail=str(error)) from None
    body = answer.body if isinstance(answer.body, dict) else {}
    if answer.status == httpx.codes.OK and isinstance(body.get("id_token"), str):
        return body
    said = error_code(body["error"]) if "error" in body else "no id_token"
    detail = f"token endpoint answered with status {answer.status}, {said}"
    if said == "invalid_grant":
        raise LogonRefused("refused", detail)
    raise Unavailable("provider", detail=detail)


async def claims_of(
    keys: ProviderKeys,
    signer: SystemSigner,
    tokens: Mapping[str, Any],
    kept: Kept,
    now: datetime,
    *,
    echoes_nonce: bool,
) -> Mapping[str, Any]:
    """What a user system says of who logged on there, once all of it was verified.

    Args:
        keys: by which it is verified.
        signer: whose token it must be.
        tokens: what the code was redeemed for.
        kept: of the browser that brought the code.
        now: the time.
        echoes_nonce: whether a nonce must be in the token; if not, one that is there must be this browser's still.

    Raises:
        LogonRefused: the token is not good, not for us, or not the answer to this browser's request.
        Unavailable: the keys of the user system cannot be had.
    """
    try:
        token = await verify(keys, signer, tokens["id_token"], now)
    except IdTokenInvalid as error:
        raise LogonRefused("refused", f"id token: {plain(error.detail)}") from None
    except IdpUnavailable as error:
        raise Unavailable("provider", detail=f"no keys of {error.detail}") from None
    claims = token.claims
    if "iat" not in claims:
        raise LogonRefused("refused", "id token: no iat")
    if (echoes_nonce or "nonce" in claims) and not _same(claims.get("nonce"), kept.nonce):
        raise LogonRefused("refused", "id token: nonce")
    if "at_hash" in claims and not _same(
        claims["at_hash"], _half_hash(tokens.get("access_token"), token.header["alg"])
    ):
        raise LogonRefused("refused", "id token: at_hash")
    return claims


def _same(given: Any, wanted: str) -> bool:
    """Whether a claim has the wanted value, which is not empty; how long that takes tells nothing of it."""
    return isinstance(given, str) and bool(wanted) and hmac.compare_digest(_bytes(given), _bytes(wanted))


def _half_hash(token: Any, algorithm: str) -> str:
    """Of an access token, as an ID token carries it (OpenID Connect Core section 3.1.3.6); empty: there is none."""
    if not isinstance(token, str):
        return ""
    # Ed25519 signs with SHA-512; our other algorithms say 256 in their names.
    digest = (hashlib.sha512 if algorithm == "EdDSA" else hashlib.sha256)(_bytes(token)).digest()
    return jws.encode(digest[: len(digest) // 2])


def _bytes(text: str) -> bytes:
    # JSON can spell halves of surrogate pairs.
    return text.encode(errors="surrogatepass")
