"""The scenarios fit the contracts, and are written in the form that is described."""

import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.api import annotations_pb2
from google.protobuf import descriptor_pb2, json_format, message_factory
from google.protobuf.descriptor import MethodDescriptor

from tests.load.minting import CREDENTIALS, PLACEHOLDERS, SPENT
from tests.load.scenarios import Scenario, read_all

IMAGE = Path(__file__).parents[2] / "gen" / "tessera.binpb"
SCENARIOS = read_all()
# Of a form that every field takes which a placeholder stands for.
VALUES = dict.fromkeys(PLACEHOLDERS, "filled")


def public_rpcs() -> Iterator[MethodDescriptor]:
    """Every RPC that has an HTTP rule."""
    image = descriptor_pb2.FileDescriptorSet.FromString(IMAGE.read_bytes())
    for file in image.file:
        if file.service and file.package.startswith("tessera."):
            module = importlib.import_module(file.name.removesuffix(".proto").replace("/", ".") + "_pb2")
            for service in module.DESCRIPTOR.services_by_name.values():
                yield from (method for method in service.methods if rules(method))


def rules(method: MethodDescriptor) -> list[tuple[str, str]]:
    """Method and path of each of an RPC's HTTP rules."""
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    return [
        (kind.upper(), getattr(each, kind))
        for each in (rule, *rule.additional_bindings)
        if (kind := each.WhichOneof("pattern"))
    ]


RPCS = {method.full_name: method for method in public_rpcs()}
# Each user may call it ten times an hour, and what it sends costs money.
NOT_DRIVEN = {"tessera.account.v1.AccountService.SendSmsCode"}


def test_every_public_rpc_has_a_scenario() -> None:
    assert {scenario.rpc for scenario in SCENARIOS} == set(RPCS) - NOT_DRIVEN


def test_what_is_described_is_used_and_what_is_used_is_described() -> None:
    used = {name for scenario in SCENARIOS for name in scenario.placeholders}
    assert used == set(PLACEHOLDERS)
    credentials = {each for scenario in SCENARIOS for each in (scenario.grpc_credential, scenario.rest.credential)}
    assert credentials == set(CREDENTIALS)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_request_is_one_of_its_rpc(scenario: Scenario) -> None:
    request = message_factory.GetMessageClass(RPCS[scenario.rpc].input_type)()
    json_format.ParseDict(scenario.message(VALUES), request)
    assert request.ListFields() or not request.DESCRIPTOR.fields


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_path_is_one_of_its_rpc(scenario: Scenario) -> None:
    action = re.fullmatch(r"/\?Action=(\w+)&.*", scenario.rest.path)
    if action:
        assert action[1] == RPCS[scenario.rpc].name
        return
    # A field in a path is a placeholder of the same name.
    assert (scenario.rest.method, scenario.rest.path.replace("${", "{")) in rules(RPCS[scenario.rpc])


def test_the_http_request_of_a_call() -> None:
    scenario = next(each for each in SCENARIOS if each.name == "token_refresh_token")
    values = VALUES | {"refresh_token": "a+b", "jwt_client_id": "c"}
    assert scenario.http(values, "here:80", "") == (
        b"POST /v2/oauth/token HTTP/1.1\r\nhost: here:80\r\ncontent-type: application/x-www-form-urlencoded\r\n"
        b"content-length: 56\r\n\r\ngrant_type=refresh_token&client_id=c&refresh_token=a%2Bb"
    )
    scenario = next(each for each in SCENARIOS if each.name == "get_link_info")
    assert scenario.http(VALUES, "here:80", "Bearer x") == (
        b"POST /v2/account/get_link_info HTTP/1.1\r\nhost: here:80\r\nauthorization: Bearer x\r\n"
        b'content-type: application/json\r\ncontent-length: 37\r\n\r\n{"type":"custom","identity":"filled"}'
    )


@pytest.mark.parametrize(
    "scenario", [each for each in SCENARIOS if each.placeholders & set(SPENT)], ids=lambda scenario: scenario.name
)
def test_calls_with_other_values_are_other_calls(scenario: Scenario) -> None:
    others = VALUES | dict.fromkeys(SPENT, "other")
    assert scenario.message(VALUES) != scenario.message(others)
    assert scenario.http(VALUES, "h", "") != scenario.http(others, "h", "")


def test_a_file_that_is_no_scenario_is_named(tmp_path: Path) -> None:
    content = json.loads(Path(__file__).with_name("get_jwks.json").read_text(encoding="utf-8"))
    for name, wrong in (
        ("not_json", "{"),
        ("without_rest", json.dumps({key: value for key, value in content.items() if key != "rest"})),
        ("unknown_field", json.dumps(content | {"colour": "red"})),
        ("unknown_dialect", json.dumps(content | {"rest": content["rest"] | {"dialect": "latin"}})),
    ):
        file = tmp_path / f"{name}.json"
        file.write_text(wrong, encoding="utf-8")
        with pytest.raises(ValueError, match=f"{name}.json"):
            Scenario.read(file)
