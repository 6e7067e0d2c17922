"""Tokens that are believed, and all those that are not."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from services.runtime.auth import EDGE_HEADER, EDGE_TYPE, Access, Authenticator, Principal, authorize, user_permissions
from services.runtime.clock import Clock
from services.runtime.errors import PermissionDenied, Unauthenticated, Unavailable
from tests.support.calls import bearer
from tests.support.keys import EC, KEYS, OTHER_RSA, RSA, Known, claims, signed
from tests.support.revocations import nothing_revoked


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def authenticator(clock: Clock) -> Authenticator:
    return Authenticator("account", Known(dict(KEYS)), clock, nothing_revoked(clock))


def presented(token: str) -> dict[str, str]:
    return dict(bearer(token))


async def test_an_access_token_speaks_for_its_user(authenticator: Authenticator, clock: Clock) -> None:
    caller = await authenticator.authenticate(presented(signed(claims(clock))))
    assert (caller.kind, caller.subject, caller.client_id, caller.session_id) == ("user", "u1", "c1", "s1")
    assert caller.permissions == user_permissions("admin", frozenset({"ACCOUNT.ALL"}))
    # The domain is the key's, whatever the claims say.
    assert caller.domain_id == "one"


async def test_who_acts_in_the_end_is_the_innermost(authenticator: Authenticator, clock: Clock) -> None:
    """RFC 8693 section 4.1: a service that acts for an impersonator does not take its place."""
    for act, actor in (
        (None, ""),
        ({"sub": "key"}, "key"),
        ({"sub": "service", "act": {"sub": "other", "act": {"sub": "key"}}}, "key"),
    ):
        caller = await authenticator.authenticate(presented(signed(claims(clock, act=act))))
        assert caller.actor == actor


async def test_an_id_token_is_refused(authenticator: Authenticator, clock: Clock) -> None:
    """Same issuer, key and `typ` as an access token: the audience, a client, tells them apart."""
    with pytest.raises(Unauthenticated, match="another issuer or audience"):
        await authenticator.authenticate(presented(signed(claims(clock, aud="c1", customJson=None), typ="JWT")))


async def test_a_service_holds_its_list_of_permissions(authenticator: Authenticator, clock: Clock) -> None:
    token = signed(claims(clock, kind="service", customJson=None, permissions=["token.mint"]))
    assert (await authenticator.authenticate(presented(token))).permissions == {"token.mint"}


async def test_an_edge_token_is_for_one_service(authenticator: Authenticator, clock: Clock) -> None:
    internal = claims(clock, iss="urn:tessera:edge:one", aud="account", kind="push_app", permissions=["binding.read"])
    good = signed(internal, EC, "e1", "ES256", typ=EDGE_TYPE)
    assert (await authenticator.authenticate({EDGE_HEADER: good})).permissions == {"binding.read"}
    with pytest.raises(Unauthenticated):
        await authenticator.authenticate(
            {EDGE_HEADER: signed(internal | {"aud": "binding"}, EC, "e1", "ES256", typ=EDGE_TYPE)}
        )
    with pytest.raises(Unauthenticated):
        await authenticator.authenticate(presented(good))
    with pytest.raises(Unauthenticated):
        await authenticator.authenticate({EDGE_HEADER: signed(claims(clock))})


def hmac_with_public_key(payload: Mapping[str, Any]) -> str:
    pem = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    parts = [{"alg": "HS256", "typ": "JWT", "kid": "a1"}, dict(payload)]
    text = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
    mac = hmac.new(pem, text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


@pytest.mark.parametrize(
    ("why", "change"),
    [
        ("expired", {"exp": 0}),
        ("no expiry", {"exp": None}),
        ("expiry in words", {"exp": "tomorrow"}),
        ("another issuer", {"iss": "https://two.example"}),
        ("another audience", {"aud": "https://two.example"}),
        ("an id token's audience", {"aud": "c1"}),
        ("no subject", {"sub": None}),
        ("no time of issue", {"iat": None}),
    ],
)
async def test_claims_that_do_not_hold_are_refused(
    authenticator: Authenticator, clock: Clock, why: str, change: dict[str, Any]
) -> None:
    with pytest.raises(Unauthenticated):
        await authenticator.authenticate(presented(signed(claims(clock, **change))))


async def test_tokens_of_other_making_are_refused(authenticator: Authenticator, clock: Clock) -> None:
    payload = claims(clock)
    good = signed(payload)
    forged = [
        jwt.encode(payload, None, "none", {"kid": "a1"}),
        hmac_with_public_key(payload),
        signed(payload, OTHER_RSA),
        signed(payload, OTHER_RSA, "a2"),
        signed(payload, RSA, "unknown"),
        signed(payload, RSA, "a1", "RS512"),
        signed(payload, typ="id+jwt"),
        signed(payload, EC, "e1", "ES256"),
        jwt.encode(payload, RSA, "RS256"),
        jwt.encode(payload, RSA, "RS256", {"kid": "a1", "typ": "at+jwt", "crit": ["exp"]}),
        jwt.encode(payload, RSA, "RS256", {"kid": "a1", "typ": "at+jwt", "jwk": {}}),
        good[:-4] + "AAAA",
        good + ".",
        "x" * 10_000,
        "",
        "a.b.c",
    ]
    for token in forged:
        with pytest.raises(Unauthenticated):
            await authenticator.authenticate(presented(token))


async def test_no_credential_is_refused(authenticator: Authenticator) -> None:
    for metadata in ({}, {"authorization": ""}, {"authorization": "Bearer"}, {"authorization": "Basic eDp5"}):
        with pytest.raises(Unauthenticated):
            await authenticator.authenticate(metadata)


async def test_a_believed_token_dies_on_time(authenticator: Authenticator, clock: Clock) -> None:
    token = signed(claims(clock))
    await authenticator.authenticate(presented(token))
    clock.shift(timedelta(seconds=61))
    with pytest.raises(Unauthenticated):
        await authenticator.authenticate(presented(token))


async def test_a_believed_token_dies_with_its_key(clock: Clock) -> None:
    known = Known(dict(KEYS))
    authenticator, token = Authenticator("account", known, clock, nothing_revoked(clock)), signed(claims(clock))
    await authenticator.authenticate(presented(token))
    del known.keys["a1"]
    with pytest.raises(Unauthenticated):
        await authenticator.authenticate(presented(token))


async def test_an_unknown_key_is_asked_for(clock: Clock) -> None:
    known = Known({}, later=dict(KEYS))
    caller = await Authenticator("account", known, clock, nothing_revoked(clock)).authenticate(
        presented(signed(claims(clock)))
    )
    assert (caller.subject, known.asked) == ("u1", 1)


async def test_without_any_key_nothing_can_be_told(clock: Clock) -> None:
    with pytest.raises(Unavailable):
        await Authenticator("account", Known({}, problem="away"), clock, nothing_revoked(clock)).authenticate(
            presented(signed(claims(clock)))
        )


def caller_with(*permissions: str, kind: str = "user") -> Principal:
    return Principal(kind, "u1", "one", "c1", frozenset(permissions))


def test_all_permissions_are_needed() -> None:
    access = Access(permissions=frozenset(("a", "b")))
    authorize(caller_with("a", "b", "c"), access)
    with pytest.raises(PermissionDenied):
        authorize(caller_with("a"), access)


def test_a_users_own_way_in_is_for_users() -> None:
    access = Access(permissions=frozenset(("a",)), own_permission="a.own")
    authorize(caller_with("a.own"), access)
    assert caller_with("a.own").owns_only(access)
    assert not caller_with("a", "a.own").owns_only(access)
    with pytest.raises(PermissionDenied):
        authorize(caller_with("a.own", kind="app"), access)


def test_a_role_reaches_as_far_as_a_scope_opens_it() -> None:
    assert user_permissions("user", frozenset({"ACCOUNT.ALL"})) == {"account.link.own"}
    assert user_permissions("superadmin", frozenset({"FILE.ALL"})) == frozenset()
    assert user_permissions("nobody", frozenset({"ACCOUNT.ALL"})) == frozenset()
