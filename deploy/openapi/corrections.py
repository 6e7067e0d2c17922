"""What the gateway and the contracts' options make of the generated paths and messages."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from deploy.openapi.actions import action, in_both_formats, path_of
from deploy.openapi.contracts import Contracts, Reason, Rpc
from deploy.openapi.messages import schemas_of
from deploy.openapi.nodes import FORM, JSON, SCHEMAS, Node, prose, ref
from deploy.openapi.surfaces import (
    ACCOUNTS,
    ACTIONS,
    DEVICES,
    ERRORS,
    IDEMPOTENCY_KEY,
    OAUTH,
    SECURITY_SCHEMES,
    SURFACES,
    USERS,
    Surface,
    surface_of,
)

_HEALTH = "Health"
# What any call may be refused for; where statuses tell errors apart, one description stands for these.
_ANYWHERE = ("REQUEST_TOO_LARGE", "OVERLOADED", "UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL")


def corrected(generated: Node, contracts: Contracts, examples: Mapping[str, Node]) -> Node:
    """Paths, tags and components of the document.

    Args:
        generated: the generator's document.
        contracts: what the generator does not read.
        examples: of requests, by RPC and by what they show.

    Raises:
        ValueError: an example of no RPC.
    """
    paths: dict[str, Node] = {}
    calls: dict[str, int] = {}
    for path, verbs in sorted(generated["paths"].items(), key=_order(contracts)):
        for verb, operation in verbs.items():
            rpc = contracts.rpcs[operation["operationId"]]
            # An id is an operation's alone: the second path of an RPC is named for it and counted.
            calls[rpc.name] = calls.get(rpc.name, 0) + 1
            name = rpc.name if calls[rpc.name] == 1 else f"{rpc.name}{calls[rpc.name]}"
            call = _call(path, operation, rpc, contracts) | {"operationId": name}
            _add_examples(call, examples.get(rpc.name, {}))
            if surface_of(path) is ACTIONS:
                paths[path_of(name)] = action(call, generated["components"]["schemas"], contracts)
            else:
                paths.setdefault(path, {})[verb] = call
    if unknown := examples.keys() - calls:
        raise ValueError(f"examples of what is no call: {unknown}")
    schemas = schemas_of(generated, contracts)
    _begin_forms(paths, schemas)
    paths |= _health()
    return {
        "tags": [
            *({"name": surface.tag, "description": surface.description} for surface in SURFACES),
            {"name": _HEALTH, "description": "What a load balancer asks."},
        ],
        "paths": paths,
        "components": {
            "securitySchemes": dict(SECURITY_SCHEMES),
            "responses": {surface.error: _other(surface) for surface in SURFACES if surface is not DEVICES},
            "schemas": schemas | dict(ERRORS),
        },
    }


def _order(contracts: Contracts) -> Callable[[tuple[str, Node]], Any]:
    """Sorts paths by their surfaces, as they are read; on one surface as proto/ has the calls."""
    rpcs = list(contracts.rpcs)

    def key(item: tuple[str, Node]) -> Any:
        path, verbs = item
        first = next(iter(verbs.values()))
        return SURFACES.index(surface_of(path)), rpcs.index(first["operationId"]), len(path)

    return key


def _call(path: str, operation: Node, rpc: Rpc, contracts: Contracts) -> Node:
    surface = surface_of(path)
    summary, _, description = prose(operation["description"]).partition(". ")
    call: Node = {
        "tags": [surface.tag],
        "summary": summary.rstrip("."),
        "description": description,
        "operationId": rpc.name,
        # The gateway cuts off the query: a request has one place.
        "parameters": [_in_path(each) for each in operation.get("parameters", []) if each["in"] == "path"],
    }
    if body := operation.get("requestBody"):
        schema = body["content"][JSON]["schema"]
        if surface is DEVICES and "request_id" in contracts.messages[schema["$ref"].removeprefix(SCHEMAS)]:
            call["parameters"].append(dict(IDEMPOTENCY_KEY))
        forms = (FORM, JSON) if surface is OAUTH else (JSON,)
        call["requestBody"] = {"required": True, "content": {form: {"schema": schema} for form in forms}}
    answer = operation["responses"]["200"]["content"][JSON]["schema"]
    call["responses"] = (
        _devices(answer, rpc, contracts) if surface is DEVICES else _answers(surface, answer, rpc, contracts)
    )
    call["security"] = _security(surface, rpc)
    return {key: value for key, value in call.items() if value or key == "security"}


def _in_path(parameter: Node) -> Node:
    """A field that stands in the path: there it cannot be left out, whatever its comment says of that."""
    return {**parameter, "description": prose(parameter["description"]).partition(" Empty:")[0]}


def _security(surface: Surface, rpc: Rpc) -> list[Node]:
    # Among the calls on which a client proves itself, one is a user's own.
    names = ("openid",) if surface is OAUTH and not rpc.anonymous else surface.security
    ways: list[Node] = [{name: []} for name in names]
    # Strangers may call it; where they can prove who they are, they need not in this way.
    return [{}, *ways] if rpc.anonymous and ways else ways


def _answers(surface: Surface, answer: Node, rpc: Rpc, contracts: Contracts) -> Node:
    """A response for each status, which lists what the error may be, and one for all others."""
    responses: Node = {"200": {"description": "Done.", "content": {JSON: {"schema": answer}}}}
    own = ("FORMAT_INVALID",) if surface is ACTIONS else ()
    signed = () if rpc.anonymous else surface.signed
    reasons = [contracts.reasons[name] for name in (*rpc.reasons, *own, *signed)]
    for status in sorted({_status(surface, reason) for reason in reasons}):
        said = [
            (surface.word(reason.words), reason.meaning) for reason in reasons if _status(surface, reason) == status
        ]
        responses[str(status)] = {
            "description": f"`{surface.member}` is one of:\n\n" + _list(said),
            "content": {JSON: {"schema": ref(surface.error)}},
        }
    return responses | {"default": {"$ref": f"#/components/responses/{surface.error}"}}


def _status(surface: Surface, reason: Reason) -> int:
    """HTTP status of an error; on /v2 some words have their own."""
    return (reason.words.pds_status if surface in (USERS, ACCOUNTS) else 0) or reason.status


def _devices(answer: Node, rpc: Rpc, contracts: Contracts) -> Node:
    """On /v3 there is one status."""
    reasons = [contracts.reasons[name] for name in (*rpc.reasons, *_ANYWHERE)]
    said = [("0", "Done."), *((DEVICES.word(reason.words), reason.meaning) for reason in reasons)]
    return {
        "200": {
            "description": "`ret_code` is one of these, or what the answer itself says of it:\n\n" + _list(said),
            "content": {JSON: {"schema": {"anyOf": [answer, ref(DEVICES.error)]}}},
        }
    }


def _other(surface: Surface) -> Node:
    """What any call may answer: Envoy's own refusals, and faults."""
    other: Node = {
        "description": "Too large (413), too many calls (429), a fault of ours (500), something that is away (503) or "
        "too slow (504). But for the first, the same call may be tried again.",
        "content": {JSON: {"schema": ref(surface.error)}},
    }
    return in_both_formats(other) if surface is ACTIONS else other


def _list(said: Iterable[tuple[object, str]]) -> str:
    meanings: dict[object, list[str]] = {}
    for word, meaning in said:
        meanings.setdefault(word, []).append(meaning)
    return "\n".join(f"- `{word}`: {' Or: '.join(each)}" for word, each in meanings.items())


def _add_examples(call: Node, examples: Node) -> None:
    for content in call.get("requestBody", {}).get("content", {}).values():
        if examples:
            content["examples"] = {
                name: {"summary": name.replace("_", " "), "value": value} for name, value in examples.items()
            }


def _begin_forms(paths: Mapping[str, Node], schemas: Node) -> None:
    """What a field of a form has before it is filled in: viewers would write `string` into each, and send it."""
    for operation in (operation for verbs in paths.values() for operation in verbs.values()):
        if form := operation.get("requestBody", {}).get("content", {}).get(FORM):
            schema = form["schema"]
            if "$ref" in schema:
                schema = schemas[schema["$ref"].removeprefix(SCHEMAS)]
            first: Node = next(iter(form.get("examples", {}).values()), {"value": {}})["value"]
            for name, field in schema["properties"].items():
                if "enum" not in field:
                    field["example"] = first.get(name, "") if name in schema.get("required", ()) else ""


def _health() -> Node:
    """What the gateway answers by itself."""
    answer = {"type": "object", "required": ["status"], "properties": {"status": {"type": "string"}}}

    def get(name: str, summary: str, away: Node) -> Node:
        done = {"description": "Yes.", "content": {JSON: {"schema": answer}}}
        return {
            "get": {
                "tags": [_HEALTH],
                "summary": summary,
                "operationId": name,
                "responses": {"200": done, **away},
                "security": [],
            }
        }

    away = {"503": {"description": "One of them cannot.", "content": {JSON: {"schema": answer}}}}
    return {
        "/ready": get("Ready", "Says whether all three services can serve", away),
        "/healthz": get("Healthz", "Says that the gateway lives", {}),
    }
