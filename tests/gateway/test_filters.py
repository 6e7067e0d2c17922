"""The Lua modules of gateway/filters, in the LuaJIT that Envoy has too."""

import json
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lupa.luajit21 import LuaRuntime

from gateway import reasons
from gateway.config import GatewaySettings
from gateway.render import image_path, lua_modules, read_image

IMAGE = read_image(image_path(GatewaySettings(gateway_client_id="g", gateway_client_secret="s")))
WORDS = reasons.read(IMAGE)


class Filters:
    """The modules, spoken to in str; a Lua string is bytes, so each goes through latin-1."""

    def __init__(self) -> None:
        self.lua = LuaRuntime(encoding="latin-1")
        self.lua.execute(lua_modules(IMAGE))

    def call(self, chunk: str, *arguments: Any) -> Any:
        told = [a.encode(errors="surrogateescape").decode("latin-1") if isinstance(a, str) else a for a in arguments]
        answer = self.lua.eval(f"function(...) {chunk} end")(*told)
        if isinstance(answer, tuple):
            return tuple(map(self._text, answer))
        return self._text(answer)

    def _text(self, answer: Any) -> Any:
        return answer.encode("latin-1").decode() if isinstance(answer, str) else answer


FILTERS = Filters()

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


def recode(text: str) -> str | None:
    return FILTERS.call(
        "local json = require('json') local v = json.decode(...) return v ~= nil and json.encode(v) or nil", text
    )


@given(VALUES, st.booleans())
def test_json_survives(value: object, ascii_only: bool) -> None:
    text = recode(json.dumps(value, ensure_ascii=ascii_only))
    assert text is not None
    assert json.loads(text) == value


def test_json_keeps_order_and_numbers_and_blanks_nothing() -> None:
    text = '{"z":1.50,"a":-0,"m":[1e5,{"":12345678901234567890}],"b":"\\u0000/"}'
    assert recode(" " + text + "\n") == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        "[1,",
        "[1,]",
        '{"a":1,}',
        '{"a" 1}',
        "{a:1}",
        "01",
        "1.",
        "-",
        ".5",
        "1e",
        "+1",
        "nul",
        "truer",
        '"a',
        '"\\x"',
        '"\\u12"',
        '"\n"',
        "1 2",
        "NaN",
        "[" * 100_000,
        '{"a":' * 100_000,
        "\0",
    ],
)
def test_json_that_is_none(text: str) -> None:
    assert recode(text) is None


def test_half_a_surrogate_pair_becomes_the_replacement_character() -> None:
    assert json.loads(recode('"\\ud800 \\udc00 \\ud83d\\ude00"') or "") == "\ufffd \ufffd \U0001f600"


@given(st.text())
def test_json_never_raises(text: str) -> None:
    recode(text)


def form(*texts: str) -> tuple[list[tuple[str, str]], bool]:
    chunk = """
        local parameters, intact = require('form').decode(...)
        return require('json').encode(require('json').object(parameters)), intact
    """
    text, intact = FILTERS.call(chunk, *texts)
    return json.loads(text, object_pairs_hook=list), intact


@given(st.lists(st.tuples(st.text(), st.text()), unique_by=lambda pair: pair[0]))
def test_form_decodes_what_the_standard_library_encodes(parameters: list[tuple[str, str]]) -> None:
    assert form(urlencode(parameters)) == (parameters, True)
    assert form(urlencode(parameters, quote_via=quote)) == (parameters, True)


def test_form_keeps_blanks_and_pluses() -> None:
    assert form("a=&b&c=1+2%2B%202&&d=x=y&e=%C3%A9é") == (
        [("a", ""), ("b", ""), ("c", "1 2+ 2"), ("d", "x=y"), ("e", "éé")],
        True,
    )


def test_form_in_two_places() -> None:
    assert form("Action=A&x=1", "y=2") == ([("Action", "A"), ("x", "1"), ("y", "2")], True)
    assert form("Action=A", "Action=B&Format=JSON") == ([("Action", "A"), ("Format", "JSON")], False)


@pytest.mark.parametrize(
    "text", ["a=1&a=1", "a=%", "a=%4", "%zz=1", "a=%ff", "a=%c0%80", "a=%ed%a0%80", "a=%f4%90%80%80", "a=%e2%82"]
)
def test_form_that_is_broken(text: str) -> None:
    assert form(text + "&z=1")[1] is False
    assert ("z", "1") in form(text + "&z=1")[0]


@given(st.text(alphabet="%+&=;aé0f\0"))
def test_form_never_raises_and_agrees_with_the_standard_library(text: str) -> None:
    parameters, intact = form(text)
    if intact:
        assert parameters == parse_qsl(text, keep_blank_values=True)


def document(value: object) -> str:
    return FILTERS.call("return require('xml').document('Root', require('json').decode(...))", json.dumps(value))


@given(st.text())
def test_xml_is_well_formed_whatever_stands_in_it(text: str) -> None:
    element = ET.fromstring(document({"Text": text})).find("Text")
    assert element is not None
    expected = "".join(
        "\ufffd" if (char < " " and char not in "\t\n\r") or char in "\ufffe\uffff" else char for char in text
    )
    assert (element.text or "") == expected


def test_xml_keeps_order() -> None:
    assert document({"B": "0", "A": "<&>"}) == (
        '<?xml version="1.0" encoding="UTF-8"?><Root><B>0</B><A>&lt;&amp;&gt;</A></Root>'
    )


def read_refusal(status: object, http_status: int) -> tuple[str, str]:
    chunk = "local text, status = ... return require('refusal').read(require('json').decode(text), status)"
    return FILTERS.call(chunk, json.dumps(status), http_status)


def status(reason: str, message: str = "Said to callers.", domain: str = "tessera") -> dict[str, object]:
    info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": domain, "metadata": {}}
    return {"code": 3, "message": message, "details": [{"@type": "other"}, info]}


def test_a_message_passes_only_with_a_reason_of_ours() -> None:
    assert read_refusal(status("FIELD_INVALID"), 400) == ("FIELD_INVALID", "Said to callers.")
    for foreign in (status("NO_SUCH_REASON"), status("FIELD_INVALID", domain="other.org"), {"message": "Said"}, [], 1):
        assert read_refusal(foreign, 400) == ("REQUEST_MALFORMED", "The request is not well-formed.")


@pytest.mark.parametrize("reason", WORDS)
def test_a_fault_on_this_side_has_a_fixed_message(reason: str) -> None:
    for http_status in (500, 501, 502, 503, 504):
        assert "Said" not in read_refusal(status(reason), http_status)[1]


@pytest.mark.parametrize("http_status", [*range(400, 432), *range(500, 512), 599])
def test_every_status_has_a_reason(http_status: int) -> None:
    for nothing in (None, "", {}, {"details": "x"}, {"details": [1, {"reason": 1}]}, {"message": {}, "details": {}}):
        reason, message = read_refusal(nothing, http_status)
        assert reason in WORDS
        assert message


def say(surface: str, reason: str, message: str, path: str = "/", output: str = "JSON") -> tuple[str, str]:
    chunk = """
        local surface, reason, message, path, format = ...
        local call = require('surfaces').describe(path, 'api.example.org', 'aa-bb')
        call.surface, call.format = surface, format
        return require('dialect').error(call, reason, message)
    """
    return FILTERS.call(chunk, surface, reason, message, path, output)


@pytest.mark.parametrize("reason", WORDS)
def test_every_reason_in_every_dialect(reason: str) -> None:
    words, said = WORDS[reason], 'é "<a>\\\n'
    pds = {"code": words.pds, "message": said}
    assert json.loads(say("pds", reason, said)[1]) == pds
    assert json.loads(say("discovery", reason, said)[1]) == pds
    oauth = {"error": words.oauth, "error_description": " '<a>/", **pds}
    assert json.loads(say("oauth", reason, said)[1]) == oauth
    rpc = {"RequestId": "AA-BB", "HostId": "api.example.org", "Code": words.rpc, "Message": said}
    assert say("rpc", reason, said)[0] == "application/json;charset=utf-8"
    assert json.loads(say("rpc", reason, said)[1]) == rpc
    content_type, body = say("rpc", reason, said, output="XML")
    assert content_type == "text/xml;charset=utf-8"
    root = ET.fromstring(body)
    assert root.tag == "Error"
    assert {element.tag: element.text for element in root} == rpc
    tpns = {"ret_code": words.tpns, "err_msg": said, "result": []}
    assert json.loads(say("tpns", reason, said)[1]) == tpns
    both = {**tpns, "retCode": words.tpns, "errMsg": said}
    assert json.loads(say("tpns", reason, said, "/v3/device/account/query?x")[1]) == both


@pytest.mark.parametrize("reason", WORDS)
def test_a_word_of_v2_may_have_its_own_status(reason: str) -> None:
    chunk = "local surface, reason, status = ... return require('dialect').status({surface = surface}, reason, status)"
    for surface in ("pds", "oauth", "discovery", "docs", "rpc", "tpns", "health"):
        own = WORDS[reason].pds_status if surface == "pds" else 0
        assert FILTERS.call(chunk, surface, reason, 418) == (own or 418)


def test_a_state_conflict_is_409() -> None:
    conflicts = {name: words.pds_status for name, words in WORDS.items() if words.pds == "StateConflict"}
    # ABORTED is 409 by itself.
    assert conflicts.pop("ETAG_MISMATCH") == 0
    assert set(conflicts.values()) == {409}


@pytest.mark.parametrize(
    ("path", "surface"),
    [
        ("/", "rpc"),
        ("/?Action=x", "rpc"),
        ("/v2/oauth/token", "oauth"),
        ("/v2/account/link?a", "pds"),
        ("/v2", "pds"),
        ("/v3", "tpns"),
        ("/v3/x", "tpns"),
        ("/.well-known/jwks.json", "discovery"),
        ("/d/bj1/.well-known/jwks.json", "discovery"),
        ("/healthz", "health"),
        ("/rpc/DescribeOpenAccount", "pds"),
        ("", "pds"),
        (None, "pds"),
    ],
)
def test_the_surface_is_the_paths(path: str | None, surface: str) -> None:
    assert FILTERS.call("return require('surfaces').describe(...).surface", path) == surface


@pytest.mark.parametrize(
    ("sent", "printed"),
    [
        ("api.example.org:8080", "api.example.org:8080"),
        ("[::1]:80", "[::1]:80"),
        ("a<b>", ""),
        ("u:p@a", ""),
        (None, ""),
    ],
)
def test_a_host_that_is_none_is_not_printed(sent: str | None, printed: str) -> None:
    assert FILTERS.call("return require('surfaces').describe('/', ...).host", sent) == printed


@pytest.mark.parametrize(
    ("path", "status", "reason", "proven", "asked"),
    [
        ("/v2/oauth/token", 401, "INVALID_CLIENT", True, 'Basic realm="tessera"'),
        ("/v2/oauth/token", 401, "INVALID_CLIENT", False, 'Basic realm="tessera"'),
        ("/v2/oauth/introspect", 401, "INVALID_CLIENT", True, 'Basic realm="tessera"'),
        ("/v2/oauth/token", 400, "INVALID_GRANT", True, None),
        ("/v2/oauth/userinfo", 401, "UNAUTHENTICATED", False, 'Bearer realm="tessera"'),
        ("/v2/oauth/userinfo", 401, "UNAUTHENTICATED", True, 'Bearer realm="tessera", error="invalid_token"'),
        (
            "/v2/oauth/userinfo",
            403,
            "PERMISSION_DENIED",
            True,
            'Bearer realm="tessera", error="insufficient_scope", scope="openid"',
        ),
        ("/v2/oauth/userinfo", 503, "UNAVAILABLE", True, None),
        ("/v2/account/link", 401, "UNAUTHENTICATED", True, 'Bearer realm="tessera"'),
        ("/v2/account/link", 403, "PERMISSION_DENIED", True, None),
        ("/v3/device/account/query", 401, "UNAUTHENTICATED", True, None),
    ],
)
def test_how_one_may_prove_oneself(path: str, status: int, reason: str, proven: bool, asked: str | None) -> None:
    chunk = """
        local path, status, reason, proven = ...
        local call = require('surfaces').describe(path)
        call.proven = proven
        return require('reply').challenge(call, status, reason)
    """
    assert FILTERS.call(chunk, path, status, reason, proven) == asked


def rpc(query: str, body: str = "", header: str | None = None) -> tuple[Any, ...]:
    chunk = """
        local rpc = require('rpc')
        local query, body, header = ...
        local parameters, intact = rpc.parameters(query, 'application/x-www-form-urlencoded; charset=utf-8', body)
        return rpc.request(parameters, intact, header)
    """
    answer = FILTERS.call(chunk, query, body, header)
    return (answer[0], json.loads(answer[1])) if answer[0] else answer


def test_rpc_parameters_become_fields_but_for_the_common_ones() -> None:
    query = "Action=DescribeOpenAccount&Version=1&Format=json&AccessKeyId=k&Signature=s&SignatureType=&Timestamp=t"
    assert rpc(query, "IdentityId=a+b&ProjectId=&RegionId=r") == (
        "DescribeOpenAccount",
        {"IdentityId": "a b", "ProjectId": "", "RegionId": "r"},
    )


@pytest.mark.parametrize(
    ("query", "header", "found"),
    [
        ("", "A", "A"),
        ("Action=A", "A", "A"),
        ("Action=A", "", "A"),
        ("Action=B", "A", None),
        ("Action=", "A", None),
        ("", "A,A", None),
    ],
)
def test_an_action_that_a_signed_header_tells(query: str, header: str, found: str | None) -> None:
    assert rpc(query, "", header)[0] == found


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("", "FIELD_MISSING"),
        ("Action=", "FIELD_MISSING"),
        ("Action=A&Action=A", "REQUEST_MALFORMED"),
        ("Action=A&x=1&x=2", "REQUEST_MALFORMED"),
        ("Action=../v2", "ROUTE_NOT_FOUND"),
        ("Action=A%0d%0a", "ROUTE_NOT_FOUND"),
        ("Action=" + "A" * 65, "ROUTE_NOT_FOUND"),
        ("Action=A&Format=YAML", "FORMAT_INVALID"),
    ],
)
def test_rpc_that_is_none(query: str, reason: str) -> None:
    assert rpc(query)[:2] == (None, reason)


@pytest.mark.parametrize(
    ("query", "authorization", "output"),
    [
        ("", None, "XML"),
        ("Format=", "Bearer x", "XML"),
        ("Format=xml", None, "XML"),
        ("Format=Json", None, "JSON"),
        ("Format=None", None, None),
        ("", "ACS3-HMAC-SHA256 Credential=x", "JSON"),
        ("Format=", "ACS3-", "JSON"),
        ("Format=xml", "ACS3-HMAC-SM3 Credential=x", "XML"),
        ("Format=None", "ACS3-HMAC-SHA256", None),
    ],
)
def test_rpc_format(query: str, authorization: str | None, output: str | None) -> None:
    chunk = """
        local query, authorization = ...
        local rpc = require('rpc')
        return rpc.format(rpc.parameters(query, nil, ''), rpc.is_acs3(authorization))
    """
    assert FILTERS.call(chunk, query, authorization) == output


@pytest.mark.parametrize(
    ("output", "path"), [("JSON", "/rpc/Act"), ("XML", "/tessera.account.v1.OpenAccountXmlService/Act")]
)
def test_rpc_path(output: str, path: str) -> None:
    assert FILTERS.call("return require('rpc').path('Act', ...)", output) == path


def test_the_filters_leave_no_global_behind() -> None:
    names = FILTERS.call("local n = {} for name in pairs(_G) do n[#n + 1] = name end return table.concat(n, ' ')")
    modules = "devices form json xml rpc dialect refusal surfaces reply request reasons"
    FILTERS.call("for name in (...):gmatch('%a+') do require(name) end", modules)
    assert (
        FILTERS.call("local n = {} for name in pairs(_G) do n[#n + 1] = name end return table.concat(n, ' ')") == names
    )
