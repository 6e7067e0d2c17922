"""What is signed is what is served: the edge reads parameters as the gateway's filter will."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lupa.luajit21 import LuaRuntime

from services.runtime.errors import RequestMalformed
from services.token.edge import parameters
from services.token.edge.request import Request

FILTER = Path(__file__).parents[3] / "gateway/filters/form.lua"
LUA = LuaRuntime(encoding=None)
FORM = LUA.execute(FILTER.read_bytes())

ESCAPES = b"%E4%B8%AD %FF %ED%A0%80 %C0%80 %F4%90%80%80".split()
PIECES = st.sampled_from(
    [*b"a A b = & && + % %2 %26 %3D %2B %20 %00 %0A %41 ; ~ *".split(), *ESCAPES, "中".encode(), b"\xff", b"\n"]
)
TEXTS = st.lists(PIECES, max_size=12).map(b"".join)

MANY = b"&".join(b"%d" % number for number in range(1000))


def by_filter(*texts: bytes) -> dict[bytes, bytes] | None:
    """What the service will be told; `None` where the filter refuses."""
    pairs, intact = FORM[b"decode"](*texts)
    return {pair[1]: pair[2] for pair in pairs.values()} if intact else None


def by_edge(*texts: bytes) -> dict[bytes, bytes] | None:
    try:
        return {name.encode(): value.encode() for name, value in parameters.decode(*texts).items()}
    except RequestMalformed:
        return None


@given(TEXTS, TEXTS)
@example(b"a=1", b"a=2")
@example(b"a=1&a=1", b"")
@example(b"a=1&%61=2", b"")
@example(b"a=+&b=%20&c=%2B", b"")
@example(b"a", b"b=")
@example(b"=x&=y", b"")
@example(b"a=b=c", b"")
@example(b"%%4141=1", b"")
@example(b"a=%ED%A0%80", b"")
def test_both_read_the_same(query: bytes, form: bytes) -> None:
    assert by_edge(query, form) == by_filter(query, form)


def test_both_read_a_thousand_and_no_more() -> None:
    assert len(by_filter(MANY) or ()) == len(by_edge(MANY) or ()) == 1000
    assert by_filter(MANY, b"a") is by_edge(MANY, b"a") is None


@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded",
        "Application/X-WWW-Form-URLEncoded",
        "application/x-www-form-urlencoded;charset=gbk",
        " \t application/x-www-form-urlencoded ",
        "application/x-www-form-urlencoded,application/json",
        "application/x-www-form-urlencoded\u00a0",
        "application/json;application/x-www-form-urlencoded",
        "applicat\u0130on/x-www-form-urlencoded",
        "",
        "text/plain",
    ],
)
def test_both_find_the_same_body_a_form(content_type: str) -> None:
    request = Request("rpc", "POST", "/", "a=1", {"content-type": content_type}, b"b=2", "", None)
    read: dict[str, Any] = parameters.of_query_and_form(request)
    assert ("b" in read) == bool(FORM[b"is"](content_type.encode()))


@given(st.dictionaries(st.text(), st.text()))
def test_escaped_once_more_in_a_shorter_way(sent: dict[str, str]) -> None:
    once = parameters.canonical(sent.items())
    assert parameters.encode_again(once) == parameters.encode(once)


def test_escapes() -> None:
    assert parameters.encode("Az09-_.~ *+/&=中%") == "Az09-_.~%20%2A%2B%2F%26%3D%E4%B8%AD%25"
    assert parameters.canonical({"b": "", "a": "1 2", "B": "x"}.items()) == "B=x&a=1%202&b="
