"""The messages: as JSON names them on their surface, with what an answer always has."""

from collections.abc import Iterator

from deploy.openapi.contracts import Contracts
from deploy.openapi.nodes import SCHEMAS, Node, described, prose
from deploy.openapi.surfaces import ACTIONS, surface_of


def schemas_of(generated: Node, contracts: Contracts) -> Node:
    """The messages: as JSON names them on their surface, with what an answer always has."""
    schemas = generated["components"]["schemas"]
    actions = {
        name
        for path, verbs in generated["paths"].items()
        if surface_of(path) is ACTIONS
        for name in _used(verbs, schemas)
    }
    asked = _reached(generated, schemas, "requestBody")
    answered = _reached(generated, schemas, "responses") - asked
    corrected_schemas: Node = {}
    for name, schema in schemas.items():
        fields = contracts.messages[name]
        names = {field: fields[field].json_name if name in actions else field for field in schema.get("properties", {})}
        always = [names[field] for field in names if name in answered and not fields[field].optional]
        required = [names[field] for field in schema.get("required", [])] + always
        corrected_schemas[name] = {
            "type": "object",
            "description": prose(schema["description"]),
            **({"required": required} if required else {}),
            "properties": {names[field]: described(node) for field, node in schema.get("properties", {}).items()},
        }
        if name in asked:
            _not_empty(corrected_schemas[name])
    _say_twice(corrected_schemas)
    # Its fields stand in the query and the form.
    return {name: schema for name, schema in corrected_schemas.items() if name not in actions or name in answered}


def _not_empty(request: Node) -> None:
    """In proto an empty text is an absent one: who must send it, must send more than that."""
    for name in request.get("required", ()):
        if request["properties"][name].get("type") == "string":
            request["properties"][name]["minLength"] = 1


def _say_twice(schemas: Node) -> None:
    """The gateway prints the first two members of this answer in another spelling too."""
    schema = schemas["QueryAccountsResponse"]
    doubles = {"retCode": ("ret_code", "integer"), "errMsg": ("err_msg", "string")}
    schema["required"] += doubles
    for name, (original, kind) in doubles.items():
        schema["properties"][name] = {"type": kind, "description": f"`{original}` once more, in the other spelling."}


def _reached(generated: Node, schemas: Node, part: str) -> set[str]:
    """Names of the messages that requests, or answers, are made of."""
    operations = (operation for verbs in generated["paths"].values() for operation in verbs.values())
    return {name for operation in operations for name in _used(operation.get(part, {}), schemas)}


def _used(node: object, schemas: Node, above: frozenset[str] = frozenset()) -> Iterator[str]:
    """Names of the messages that a node holds; a message may hold itself."""
    if isinstance(node, dict):
        if "$ref" in node:
            name = node["$ref"].removeprefix(SCHEMAS)
            yield name
            if name not in above:
                yield from _used(schemas[name], schemas, above | {name})
        for each in node.values():
            yield from _used(each, schemas, above)
    elif isinstance(node, list):
        for each in node:
            yield from _used(each, schemas, above)
