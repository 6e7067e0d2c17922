"""Flows sealed and opened."""

import base64
import json
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from services.account.connectors import Kept
from services.account.model import Identity
from services.account.model.logon import Device
from services.account.pages.flow import (
    LIFETIME,
    Ask,
    Flow,
    FlowSeal,
    FlowTooLargeError,
    Left,
    Newcomer,
    Sent,
    begin,
)

NOW = datetime(2026, 11, 26, 8, tzinfo=UTC)
KEY = b"k" * 32
SEAL = FlowSeal(KEY)
DEVICE = Device("a", "bj1", "client", ("openid",), "Ann's set")
ASK = Ask("client", "https://app.example.com", "state", ("openid",), "nonce", "c" * 43, consent=True, login_hint="ann")
IDENTITY = Identity("mobile", "+8613900001234", "139 0000 1234", "86")

short = st.text(max_size=20).filter(lambda text: text.isprintable())
identities = st.builds(Identity, short, short, short, short)
devices = st.builds(Device, short, short, short, st.tuples(short, short), short)
asks = st.builds(
    Ask, short, short, short, st.tuples(short), short, short, st.booleans(), short, short, short, st.none() | devices
)
flows = st.builds(
    Flow,
    st.text("abcdefgh", min_size=22, max_size=22),
    short,
    short,
    st.just(int(NOW.timestamp())),
    st.none() | asks,
    short,
    short,
    st.none() | st.builds(Sent, short, identities),
    st.none() | st.builds(Left, short, st.builds(Kept, short, short, short)),
    st.none() | st.builds(Newcomer, identities, short, short, short),
)


@given(flows)
def test_what_is_sealed_is_opened(flow: Flow) -> None:
    assert SEAL.open(SEAL.seal(flow), flow.flow_id, NOW) == flow


def test_the_same_flow_is_never_sealed_the_same_way() -> None:
    flow = begin("bj1", NOW, ASK)
    assert len({SEAL.seal(flow) for _ in range(100)}) == 100


def test_each_begins_with_randomness_of_its_own() -> None:
    begun = [begin("bj1", NOW, None) for _ in range(100)]
    assert len({each.flow_id for each in begun} | {each.csrf for each in begun}) == 200
    assert all(len(base64.urlsafe_b64decode(each.csrf + "==")) == 16 for each in begun)


def test_it_says_nothing_to_who_has_no_key() -> None:
    sealed = SEAL.seal(begin("bj1", NOW, ASK).with_code(Sent("code", IDENTITY)))
    assert not any(word in sealed for word in (b"bj1", b"client", b"state", b"+8613900001234", b"csrf"))


def test_any_bit_counts() -> None:
    flow = begin("bj1", NOW, ASK)
    sealed = SEAL.seal(flow)
    for place in range(len(sealed)):
        touched = bytearray(sealed)
        touched[place] ^= 1 << place % 8
        assert SEAL.open(bytes(touched), flow.flow_id, NOW) is None
    for length in (0, 1, 7, 8, 11, 12, 13, 27, 28, len(sealed) - 1):
        assert SEAL.open(sealed[:length], flow.flow_id, NOW) is None
    assert SEAL.open(sealed + b"\0", flow.flow_id, NOW) is None


def test_of_another_id_or_another_key_it_is_none() -> None:
    flow = begin("bj1", NOW, ASK)
    sealed = SEAL.seal(flow)
    for flow_id in ("", flow.flow_id[:-1], flow.flow_id + "A", flow.flow_id.swapcase(), "漢", "\0"):
        assert SEAL.open(sealed, flow_id, NOW) is None
    assert FlowSeal(b"o" * 32).open(sealed, flow.flow_id, NOW) is None


def test_it_ends() -> None:
    flow = begin("bj1", NOW, ASK)
    sealed = SEAL.seal(flow)
    assert SEAL.open(sealed, flow.flow_id, NOW + LIFETIME - timedelta(seconds=1)) == flow
    assert SEAL.open(sealed, flow.flow_id, NOW + LIFETIME) is None


@pytest.mark.parametrize(
    "plain",
    [
        {},
        {"flow_id": "f", "csrf": "c", "domain_id": "d", "begun_at": 0, "link": ""},
        {"flow_id": "f", "csrf": "c", "domain_id": "d", "begun_at": 0, "link": "", "ask": {"of": "later"}}
        | dict.fromkeys(("sent", "left", "newcomer")),
        [],
        None,
    ],
    ids=["nothing", "before", "later", "list", "none"],
)
def test_what_another_release_sealed_and_this_one_does_not_know_is_over(plain: object) -> None:
    """Two releases run side by side for a while: a person begins again, and no page fails."""
    nonce = secrets.token_bytes(12)
    sealed = nonce + AESGCM(KEY).encrypt(nonce, json.dumps(plain).encode(), b"f")
    assert SEAL.open(sealed, "f", NOW) is None


def test_what_no_cookie_holds_is_refused() -> None:
    flow = begin("bj1", NOW, replace(ASK, state="s" * 3_000))
    with pytest.raises(FlowTooLargeError):
        SEAL.seal(flow)
    # The longest that a browser takes is 4,096 bytes with name and attributes.
    longest = begin("bj1", NOW, replace(ASK, state="s" * 1_024, nonce="n" * 1_024))
    assert len(base64.urlsafe_b64encode(SEAL.seal(longest))) < 3_900


def test_how_far_it_has_come_is_one_thing_at_a_time() -> None:
    sent, left = Sent("code", IDENTITY), Left("system", Kept("s", "n", "v"))
    newcomer = Newcomer(IDENTITY, "Ann", "", "system")
    flow = replace(begin("bj1", NOW, ASK), newcomer=newcomer)
    assert flow.with_code(sent).away(left).sent is None
    assert flow.away(left).with_code(sent).left is None
    assert flow.away(left).newcomer == newcomer
    done = flow.with_code(sent).here(None)
    assert (done.sent, done.left, done.newcomer) == (None, None, None)


def test_a_device_is_read_as_it_was() -> None:
    flow = begin("bj1", NOW, replace(ASK, device=DEVICE))
    assert SEAL.open(SEAL.seal(flow), flow.flow_id, NOW) == flow
