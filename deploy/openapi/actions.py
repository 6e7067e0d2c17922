"""The RPC style: what the gateway makes of `/rpc/{Action}`, on which no stranger calls.

All of its calls share a path, for which OpenAPI has one operation; so the one parameter that tells them apart stands in
the path of each, from where Swagger UI sends it.
"""

from collections.abc import Mapping
from typing import Any

from deploy.openapi.contracts import Contracts
from deploy.openapi.nodes import FORM, JSON, SCHEMAS, XML, Node, prose


def path_of(name: str) -> str:
    """The path of an Action."""
    return f"/?Action={name}"


def action(call: Node, schemas: Node, contracts: Contracts) -> Node:
    """GET and POST, for one generated POST on `/rpc/{Action}`."""
    content = call["requestBody"]["content"][JSON]
    name = content["schema"]["$ref"].removeprefix(SCHEMAS)
    names = contracts.messages[name]
    style: Node = {
        "Format": {
            "type": "string",
            "enum": ["JSON", "XML"],
            "default": "XML",
            "description": "Format of the answer, in upper or lower case.",
        },
        "Version": {"type": "string", "description": "Version of the API. Accepted and ignored."},
    }
    fields = {
        names[field].json_name: {**schema, "description": prose(schema["description"])}
        for field, schema in schemas[name]["properties"].items()
    }
    properties = style | fields
    responses = {status: in_both_formats(response) for status, response in call["responses"].items()}
    common: Node = {key: call[key] for key in ("tags", "summary", "description") if key in call}
    example = next(iter(content.get("examples", {"": {"value": {}}}).values()))["value"]
    get: Node = {
        **common,
        "operationId": call["operationId"],
        "parameters": [_query(parameter, schema, example) for parameter, schema in properties.items()],
        "responses": responses,
        "security": call["security"],
    }
    form = {"type": "object", "properties": properties}
    post: Node = {
        **common,
        "operationId": f"{call['operationId']}ByForm",
        "requestBody": {"content": {FORM: {"schema": form, "examples": content.get("examples", {})}}},
        "responses": responses,
        "security": call["security"],
    }
    return {"get": get, "post": post}


def _query(name: str, schema: Node, example: Mapping[str, Any]) -> Node:
    bare = {key: value for key, value in schema.items() if key != "description"}
    parameter: Node = {"name": name, "in": "query", "description": schema["description"], "schema": bare}
    if name in example:
        parameter["example"] = example[name]
    return parameter


def in_both_formats(response: Node) -> Node:
    """A response that the caller may have as XML too."""
    if "$ref" in response:
        return response
    schema = response["content"][JSON]["schema"]
    return {**response, "content": {JSON: {"schema": schema}, XML: {"schema": schema}}}
