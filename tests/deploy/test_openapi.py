"""docs/openapi.yaml: what the contracts and the generator make, whole in itself, with examples that are requests."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import MethodDescriptor
from tessera.account.v1 import account_service_pb2
from tessera.binding.v1 import binding_service_pb2
from tessera.token.v1 import access_token_service_pb2, token_service_pb2, user_service_pb2

from deploy.clients import Missing
from deploy.openapi.__main__ import PAGE
from deploy.openapi.document import make
from deploy.openapi.nodes import FORM
from deploy.openapi.surfaces import SECURITY_SCHEMES
from services.token.edge import SCHEMES

# By the parser in C: it is read whenever tests are collected.
DOCUMENT = yaml.load(PAGE.read_text(encoding="utf-8"), yaml.CSafeLoader)
RPCS: dict[str, MethodDescriptor] = {
    method.name: method
    for module in (
        token_service_pb2,
        access_token_service_pb2,
        user_service_pb2,
        account_service_pb2,
        binding_service_pb2,
    )
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, verbs in DOCUMENT["paths"].items():
        for verb, operation in verbs.items():
            yield path, verb, operation


def test_it_is_up_to_date() -> None:
    try:
        made = make()
    except Missing as missing:
        pytest.skip(f"this needs {missing}")
    assert PAGE.read_text(encoding="utf-8") == made, "run `make openapi`"


def test_every_reference_points_at_something_and_everything_is_referred_to() -> None:
    components = {
        f"#/components/{kind}/{name}" for kind in ("schemas", "responses") for name in DOCUMENT["components"][kind]
    }
    assert set(re.findall(r"\$ref: '(.+)'", PAGE.read_text(encoding="utf-8"))) == components


def test_ids_are_unique_and_tags_and_security_schemes_are_there() -> None:
    ids = [operation["operationId"] for _, _, operation in operations()]
    assert len(ids) == len(set(ids))
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    assert tags == {tag for _, _, operation in operations() for tag in operation["tags"]}
    used = {name for _, _, operation in operations() for way in operation["security"] for name in way}
    assert used == set(DOCUMENT["components"]["securitySchemes"]) == set(SECURITY_SCHEMES)


def test_credentials_are_those_that_the_gateway_exchanges() -> None:
    """Beside access tokens, which every service verifies, and the token endpoint's own. OpenAPI knows no signatures."""
    basic = {"Devices": ("tpns", "basic")}
    exchanged = {
        basic[operation["tags"][0]]
        for _, _, operation in operations()
        for way in operation["security"]
        for name in way
        if SECURITY_SCHEMES[name]["scheme"] == "basic" and name != "client"
    }
    assert exchanged == {
        (surface, scheme.name) for surface, schemes in SCHEMES.items() for scheme in schemes if scheme.name == "basic"
    }


def test_every_path_parameter_is_described() -> None:
    for path, _, operation in operations():
        described = {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}
        assert described == set(re.findall(r"{(\w+)}", path))


def test_nothing_internal_is_told() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert not re.search(r"buf:lint|Admin|IssueToken|CreateAuthorizationCode|/rpc/|FIELD_|BadRequest", text)


def rpc_of(operation: dict[str, Any]) -> str:
    """Its name; an id is an operation's alone, and that of a second way to an RPC is counted."""
    return re.sub(r"(ByForm|\d+)$", "", operation["operationId"])


def examples() -> Iterator[Any]:
    for _, _, operation in operations():
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            for name, example in content.get("examples", {}).items():
                rpc = rpc_of(operation)
                yield pytest.param(rpc, content["schema"], example["value"], id=f"{rpc}-{name}-{kind}")


@pytest.mark.parametrize(("rpc", "schema", "value"), list(examples()))
def test_an_example_is_a_request(rpc: str, schema: dict[str, Any], value: dict[str, Any]) -> None:
    if reference := schema.get("$ref"):
        schema = DOCUMENT["components"]["schemas"][reference.rpartition("/")[2]]
    assert set(schema.get("required", [])) <= set(value) <= set(schema["properties"])
    fields = {name: item for name, item in value.items() if name not in ("Action", "Format")}
    # Raises where a field is unknown or of another type.
    json_format.ParseDict(fields, message_factory.GetMessageClass(RPCS[rpc].input_type)())


def test_every_call_with_a_body_has_an_example() -> None:
    with_body = {rpc_of(operation) for _, verb, operation in operations() if verb == "post"}
    assert with_body == {example.values[0] for example in examples()}


FORMS = [
    pytest.param(operation["requestBody"]["content"][FORM], id=operation["operationId"])
    for _, _, operation in operations()
    if FORM in operation.get("requestBody", {}).get("content", {})
]


@pytest.mark.parametrize("content", FORMS)
def test_a_form_begins_with_nothing_but_what_must_be_there(content: dict[str, Any]) -> None:
    """Swagger UI sends a field's example, or the word `string` where it has none: a client secret, say."""
    schema = content["schema"]
    if reference := schema.get("$ref"):
        schema = DOCUMENT["components"]["schemas"][reference.rpartition("/")[2]]
    begins = {name: field["example"] for name, field in schema["properties"].items() if "enum" not in field}
    filled = {name for name, value in begins.items() if value != ""}
    assert filled == set(schema.get("required", [])) - {"Action"}
    assert filled <= {name for example in content["examples"].values() for name in example["value"]}


def test_what_a_request_must_have_is_not_empty() -> None:
    requests = {name: schema for name, schema in DOCUMENT["components"]["schemas"].items() if name.endswith("Request")}
    needed = [schema["properties"][name] for schema in requests.values() for name in schema.get("required", [])]
    texts = [field for field in needed if field["type"] == "string"]
    assert texts
    assert all(field["minLength"] == 1 for field in texts)
