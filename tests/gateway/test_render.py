"""The rendered configuration: complete, guarded, and as Envoy understands it."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from google.api import annotations_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorSet, MethodOptions
from google.protobuf.json_format import ParseDict
from tessera.runtime.v1 import error_reason_pb2

from gateway import reasons
from gateway.__main__ import main
from gateway.config import GatewaySettings
from gateway.render import image_path, read_image, render
from services.runtime.env import SettingsError, load
from services.runtime.files import write_private

SECRET = "only-the-gateway-knows"
SETTINGS = GatewaySettings(gateway_client_id="gateway", gateway_client_secret=SECRET)
IMAGE = read_image(image_path(SETTINGS))

# (method, path with ids filled in) of each HTTP rule, by service and RPC.
Rules = dict[str, dict[str, list[tuple[str, str]]]]


def http_rules() -> Rules:
    found: Rules = {}
    for file in IMAGE.file:
        for service in file.service if file.package.startswith("tessera.") else ():
            methods = found.setdefault(f"{file.package}.{service.name}", {})
            for method in service.method:
                rule = method.options.Extensions[annotations_pb2.http]
                bindings = [rule, *rule.additional_bindings] if rule.WhichOneof("pattern") else []
                methods[method.name] = [
                    (verb.upper(), re.sub(r"{\w+}", "bj1", getattr(binding, verb)))
                    for binding in bindings
                    for verb in (binding.WhichOneof("pattern"),)
                ]
    return found


RULES = http_rules()
PUBLIC = {(service, name): bindings for service, rpcs in RULES.items() for name, bindings in rpcs.items() if bindings}
INTERNAL = [f"/{service}/{name}" for service, rpcs in RULES.items() for name in rpcs]


def test_every_reason_stands_in_the_table() -> None:
    text = render(SETTINGS)
    names = []
    for file in IMAGE.file:
        for enum in file.enum_type if file.package.startswith("tessera.") else ():
            for value in enum.value if enum.name == "ErrorReason" else ():
                if not value.number:
                    continue
                line = re.search(rf"^ +{value.name} = {{(.*)}},$", text, re.MULTILINE)
                assert line, value.name
                dialect = value.options.Extensions[error_reason_pb2.dialect]
                for word in (dialect.oauth, dialect.pds, dialect.rpc, dialect.tpns):
                    assert str(word or "") in line[1]
                assert '""' not in line[1]
                assert "tpns = 0" not in line[1]
                names.append(value.name)
    assert {"UNAUTHENTICATED", "INVALID_GRANT", "IDENTITY_TAKEN", "NOTHING_BOUND"} <= set(names)
    assert sorted(names) == sorted(reasons.read(IMAGE))


def test_reasons_must_be_unique_and_described() -> None:
    def image(*values: dict[str, object]) -> FileDescriptorSet:
        file = {"package": "tessera.x.v1", "enumType": [{"name": "ErrorReason", "value": list(values)}]}
        return ParseDict({"file": [*({"package": "other"},), file]}, FileDescriptorSet())

    with pytest.raises(ValueError, match="BARE has no dialect"):
        reasons.read(image({"name": "BARE", "number": 1}))
    twice = FileDescriptorSet()
    twice.CopyFrom(IMAGE)
    twice.file.extend([file for file in IMAGE.file if file.name.endswith("error_reason.proto")])
    with pytest.raises(ValueError, match="two reasons are named"):
        reasons.read(twice)


def test_transcoded_services_are_the_public_ones() -> None:
    lists = re.findall(r"services: \[(.+)\]", render(SETTINGS))
    transcoded = {service for each in lists for service in each.split(", ")}
    # By name, which the gateway alone says: documents and pages.
    documents, pages = "tessera.account.v1.OpenAccountXmlService", "tessera.account.v1.LogonService"
    by_name = {documents, pages}
    assert transcoded == {service for service, _ in PUBLIC} | by_name
    assert set(RULES[documents]) == set(RULES["tessera.account.v1.OpenAccountService"])
    for service in transcoded - by_name:
        assert all(RULES[service].values()), f"{service} has an RPC that is not public"


def test_what_the_gateway_makes_twice_is_what_the_contracts_let_be_repeated() -> None:
    """Where the first try may have begun; what was not even looked at may go elsewhere in any case."""
    listener = yaml.safe_load(render(SETTINGS))["static_resources"]["listeners"][0]
    config = listener["filter_chains"][0]["filters"][0]["typed_config"]["route_config"]
    routes = [route for route in config["virtual_hosts"][0]["routes"] if "route" in route]
    methods = {
        (f"{file.package}.{service.name}", method.name): method
        for file in IMAGE.file
        for service in file.service
        for method in service.method
    }
    for rpc, bindings in PUBLIC.items():
        repeatable = methods[rpc].options.idempotency_level != MethodOptions.IDEMPOTENCY_UNKNOWN
        for _, path in bindings:
            taken = [route["route"] for route in routes if takes(route["match"], re.sub("^/rpc/.*", "/", path))]
            assert taken
            assert {"unavailable" in route["retry_policy"]["retry_on"] for route in taken} == {repeatable}, rpc


def takes(match: dict[str, Any], path: str) -> bool:
    """Whether a route's match takes a path."""
    if regex := match.get("safe_regex"):
        return re.fullmatch(regex["regex"], path) is not None
    return path == match["path"] if "path" in match else path.startswith(match["prefix"])


def test_the_secret_is_guarded(tmp_path: Path) -> None:
    assert SECRET not in repr(SETTINGS)
    file = tmp_path / "envoy.yaml"
    file.write_text("old")
    file.chmod(0o644)
    write_private(file, render(SETTINGS))
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_the_command_reports_every_mistake(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("TESSERA_GATEWAY_CLIENT_ID", "gateway")
    monkeypatch.delenv("TESSERA_GATEWAY_CLIENT_SECRET", raising=False)
    monkeypatch.setenv("TESSERA_GATEWAY_LISTEN", "nowhere")
    assert main(["render", "-o", str(tmp_path / "envoy.yaml")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[0].rstrip(":") for line in lines] == [
        "TESSERA_GATEWAY_LISTEN",
        "TESSERA_GATEWAY_CLIENT_SECRET",
    ]
    assert not list(tmp_path.iterdir())


def test_the_descriptor_image_must_describe_errors(tmp_path: Path) -> None:
    for content in (None, b"\xff", FileDescriptorSet(file=IMAGE.file[:1]).SerializeToString()):
        image = tmp_path / "image.binpb"
        if content is not None:
            image.write_bytes(content)
        with pytest.raises(SettingsError, match="TESSERA_GATEWAY_DESCRIPTOR_IMAGE"):
            read_image(image)


def test_workers_and_admin_socket_are_rendered() -> None:
    environ = {
        "TESSERA_GATEWAY_CLIENT_ID": "g",
        "TESSERA_GATEWAY_CLIENT_SECRET": "s",
        "TESSERA_TOKEN_ADDRESS": "127.0.0.1:1, [::1]:2,token.internal:3",
        "TESSERA_GATEWAY_ADMIN_SOCKET": "/run/tessera/admin.sock",
    }
    text = render(load(GatewaySettings, environ))
    for host, port in (("127.0.0.1", 1), ("::1", 2), ("token.internal", 3)):
        assert f'{{address: "{host}", port_value: {port}}}' in text
    assert 'admin:\n  address: {pipe: {path: "/run/tessera/admin.sock", mode: 0600}}' in text
    assert "admin:" not in render(SETTINGS)


def test_envoy_accepts_the_configuration() -> None:
    assert main(["validate"]) == 0


def test_ready_needs_the_services_and_healthz_does_not(alone: httpx.Client) -> None:
    assert (alone.get("/healthz").json(), alone.get("/ready").json()) == ({"status": "ok"}, {"status": "unavailable"})
    assert alone.get("/ready").status_code == 503


@pytest.mark.parametrize("authorization", ["Bearer t", "acs k:s", ""])
@pytest.mark.parametrize(("service", "rpc"), PUBLIC)
def test_every_public_rpc_has_a_route(alone: httpx.Client, service: str, rpc: str, authorization: str) -> None:
    for method, path in PUBLIC[service, rpc]:
        # The RPC style has one path; the gateway makes the other of it.
        url = "/?Action=" + path.removeprefix("/rpc/") if path.startswith("/rpc/") else path
        answer = alone.request(method, url, headers={"authorization": authorization})
        assert "The service is unavailable. Try again." in answer.text
        assert answer.status_code == (200 if url.startswith("/v3/") else 503)
        assert not [name for name in answer.headers if name.startswith(("grpc-", "x-envoy-", "x-tessera-"))]


@pytest.mark.parametrize(
    "path",
    [
        *INTERNAL,
        "/rpc/DescribeOpenAccount",
        "/tessera.account.v1.OpenAccountXmlService/DescribeOpenAccount",
        "/v2/account/",
        "/v2",
        "/v1/x",
        "/v2//account/link",
        "/readyz",
    ],
)
def test_there_is_nothing_else(alone: httpx.Client, path: str) -> None:
    for method in ("POST", "GET", "PUT", "DELETE", "OPTIONS"):
        answer = alone.request(method, path, headers={"authorization": "Bearer t"})
        assert (answer.status_code, answer.json()["code"]) == (404, "NotFound")


@pytest.mark.parametrize("path", [*INTERNAL, "/v2/oauth/token", "/", "/v3/device/account/query"])
def test_native_grpc_is_not_spoken_here(alone: httpx.Client, path: str) -> None:
    answer = alone.post(path, content=bytes(5), headers={"content-type": "application/grpc", "te": "trailers"})
    assert answer.headers["grpc-status"] == "12"
    assert "grpc-message" not in answer.headers


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("/v2/oauth/nothing", ["error", "error_description", "code", "message"]),
        ("/v2/nothing", ["code", "message"]),
        ("/nothing", ["code", "message"]),
        ("/v3/nothing", ["ret_code", "err_msg", "result"]),
    ],
)
def test_nothing_is_said_in_the_dialect_of_the_path(alone: httpx.Client, path: str, keys: list[str]) -> None:
    answer = alone.get(path)
    assert list(answer.json()) == keys
    assert answer.headers["server"] == "tessera"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"


def test_too_large_a_body_in_every_dialect(alone: httpx.Client) -> None:
    limits = [("/v2/account/link", 65537), ("/v2/oauth/token", 65537), ("/?Format=JSON", 65537), ("/v3/x", 65537)]
    said = {}
    for path, size in [*limits, ("/v3/device/account/batchoperate", 1024 * 1024 + 1)]:
        answer = alone.post(path, content=bytes(size), headers={"authorization": "Bearer t"})
        said[path] = (answer.status_code, list(answer.json().values())[0 if path.startswith("/v3") else -1])
    text = "The request is too large."
    assert said == {
        "/v2/account/link": (413, text),
        "/v2/oauth/token": (413, text),
        "/?Format=JSON": (413, text),
        "/v3/x": (200, 1008007),
        "/v3/device/account/batchoperate": (200, 1008007),
    }
    # As much as a batch may have goes on to the service, which is away.
    batch = b"{" + b" " * (1024 * 1024 - 2) + b"}"
    answer = alone.post("/v3/device/account/query", content=batch, headers={"authorization": "Bearer t"})
    assert answer.json()["ret_code"] == 1008004


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/v2%2faccount/link", {}, 400),
        ("/v2/account/link", {"x": "a" * 120_000}, 431),
        ("/v2/account/link", {f"x-{number}": "1" for number in range(240)}, 431),
    ],
)
def test_refused_before_any_filter_sees_it(
    alone: httpx.Client, path: str, headers: dict[str, str], status: int
) -> None:
    answer = alone.post(path, headers=headers)
    assert answer.status_code == status
    assert list(answer.json()) == ["code", "message"]
    assert answer.headers["x-ca-request-id"]


@pytest.mark.parametrize("name", ["a_b", "x-a-bin"])
def test_headers_that_would_fail_behind_are_dropped(alone: httpx.Client, name: str) -> None:
    """The services are away, which is all that goes wrong."""
    assert alone.post("/v2/account/link", headers={name: "!!"}).json()["code"] == "ServiceUnavailable"


def test_the_callers_request_id_is_not_believed(alone: httpx.Client) -> None:
    answer = alone.get("/nothing", headers={"x-request-id": "mine"})
    assert answer.headers["x-request-id"] == answer.headers["x-ca-request-id"] != "mine"
