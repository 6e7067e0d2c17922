"""The reference of a package, from its protos: services, RPCs, messages, enums."""

from collections.abc import Iterator

from google.api import annotations_pb2, field_behavior_pb2
from google.api.http_pb2 import HttpRule
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    MethodDescriptorProto,
    ServiceDescriptorProto,
)
from tessera.runtime.v1 import access_pb2

from deploy import image
from deploy.manual.errors import linked
from deploy.manual.markdown import anchor, one_line, table

_INTRODUCTIONS = {
    "token": "Who may speak: the OAuth 2.0 server, what account mints by, keys, and what an operator sets up.",
    "account": "Who is this person: identities linked to users, open accounts, and what an operator sets up.",
    "binding": "Where is this person reached: device tokens bound to accounts.",
}
# The gateway alone speaks to these paths, after it turned an RPC-style call into one.
_RPC_STYLE = "/rpc/"
_ERRORS = "Errors:"


def reference_page(service: str) -> str:
    """A service's package, `tessera.<service>.v1`."""
    lines = [
        f"# Reference: {service}",
        "",
        _INTRODUCTIONS[service],
        "",
        f"The package `tessera.{service}.v1`. Over gRPC everything is as it stands here; over REST, what has an HTTP",
        f"path. Reasons are explained in [errors](../errors.md#{service}), permissions in",
        "[the runtime's reference](runtime.md#permissions). Made by `make manual` from `proto/`.",
        *_Page(f"tessera.{service}.v1").lines(),
    ]
    return "\n".join(lines) + "\n"


def elements(package: str) -> list[str]:
    """Lines about everything in a package but its services and its reasons."""
    return _Page(package).nouns(_messages(package), _enums(package))


def methods() -> Iterator[tuple[FileDescriptorProto, ServiceDescriptorProto, MethodDescriptorProto]]:
    """Every RPC of Tessera, with where it stands."""
    for file in image.read().files:
        for service in file.service:
            for method in service.method:
                yield file, service, method


def page_of(package: str) -> str:
    """The page of a package, seen from another one of these."""
    return f"{package.split('.')[1]}.md"


class _Page:
    """One package, seen from its own page."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._image = image.read()
        self._messages = _messages(package)

    def lines(self) -> list[str]:
        services = [service for file in self._image.package(self._package) for service in file.service]
        rows = [(f"[{s.name}](#{anchor(s.name)})", one_line(self._comment(s.name)), self._rpcs(s)) for s in services]
        lines = table(("service", "what it is", "RPCs"), rows)
        own = self._own()
        for service in services:
            lines += ["", f"## {service.name}", "", self._comment(service.name)]
            for method in service.method:
                lines += self._method(service, method, own)
        rest = {name: message for name, message in self._messages.items() if name not in set(own.values())}
        return [*lines, *self.nouns(rest, _enums(self._package))]

    def nouns(self, messages: dict[str, DescriptorProto], enums: dict[str, EnumDescriptorProto]) -> list[str]:
        """What belongs to no single RPC."""
        lines = ["", "## Messages"] if messages else []
        for name, message in messages.items():
            lines += ["", f"### {name}", "", self._comment(name), *self._fields(name, message)]
        lines += ["", "## Enums"] if enums else []
        for name, enum in enums.items():
            rows = [(f"`{v.name}`", str(v.number), one_line(self._comment(f"{name}.{v.name}"))) for v in enum.value]
            lines += ["", f"### {name}", "", self._comment(name), *table(("value", "number", "meaning"), rows)]
        return lines

    def _rpcs(self, service: ServiceDescriptorProto) -> str:
        names = [f"{service.name}.{method.name}" for method in service.method]
        return ", ".join(f"[{name.rpartition('.')[2]}](#{anchor(name)})" for name in names)

    def _own(self) -> dict[str, str]:
        """Messages that one RPC alone takes or answers, by a name of what they are to it: they stand with it."""
        uses: dict[str, list[str]] = {}
        for _, service, method in methods():
            for role, type_name in (("takes", method.input_type), ("answers", method.output_type)):
                uses.setdefault(type_name, []).append(f"{service.name}.{method.name} {role}")
        own = {}
        for name in self._messages:
            used = uses.get(f".{self._package}.{name}", [])
            # A noun that one RPC answers is a noun all the same.
            if len(used) == 1 and name.endswith(("Request", "Response")):
                own[used[0]] = name
        return own

    def _method(self, service: ServiceDescriptorProto, method: MethodDescriptorProto, own: dict[str, str]) -> list[str]:
        full = f"{service.name}.{method.name}"
        said, _, errors = self._comment(full).partition(_ERRORS)
        facts = [f"HTTP: {path}" for path in _paths(method)]
        facts += [
            f"caller: {_caller(method)}",
            f"takes: {self._type(method.input_type)}",
            f"answers: {self._type(method.output_type)}",
        ]
        if errors:
            facts.append(f"errors: {one_line(linked(errors.strip(), '../errors.md'))}")
        lines = ["", f"### {full}", "", said.strip(), "", *(f"- {fact}" for fact in facts)]
        for role in ("takes", "answers"):
            if name := own.get(f"{full} {role}"):
                lines += ["", f"#### {name}", "", self._comment(name), *self._fields(name, self._messages[name])]
        return lines

    def _fields(self, name: str, message: DescriptorProto) -> list[str]:
        if not message.field:
            return ["", "No fields."]
        rows = []
        for field in message.field:
            called = f"`{field.name}`"
            if field.json_name != _camel(field.name):
                called += f"<br>JSON: `{field.json_name}`"
            meaning = one_line(linked(self._comment(f"{name}.{field.name}"), "../errors.md"))
            rows.append((called, self._field_type(field), _presence(field), meaning))
        return table(("field", "type", "needed", "meaning"), rows)

    def _field_type(self, field: FieldDescriptorProto) -> str:
        if field.type_name:
            kind = self._type(field.type_name)
        else:
            kind = FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
        return f"list of {kind}" if field.label == FieldDescriptorProto.LABEL_REPEATED else kind

    def _type(self, full: str) -> str:
        """A message or enum, leading to where it is described."""
        package, _, name = full.removeprefix(".").partition(".v1.")
        page = "" if f"{package}.v1" == self._package else page_of(package)
        return f"[{name}]({page}#{anchor(name)})" if package.startswith("tessera") else f"`{full[1:]}`"

    def _comment(self, name: str) -> str:
        return self._image.comments.get(f"{self._package}.{name}", "")


def _messages(package: str) -> dict[str, DescriptorProto]:
    """A package's messages, by their names within it."""

    def within(message: DescriptorProto, prefix: str) -> Iterator[tuple[str, DescriptorProto]]:
        yield prefix + message.name, message
        for nested in message.nested_type:
            yield from within(nested, f"{prefix}{message.name}.")

    files = image.read().package(package)
    return {name: found for file in files for top in file.message_type for name, found in within(top, "")}


def _enums(package: str) -> dict[str, EnumDescriptorProto]:
    """A package's enums but its reasons, which have a page of their own."""
    files = image.read().package(package)
    enums = {enum.name: enum for file in files for enum in file.enum_type if enum.name != "ErrorReason"}
    for name, message in _messages(package).items():
        enums |= {f"{name}.{enum.name}": enum for enum in message.enum_type}
    return enums


def _paths(method: MethodDescriptorProto) -> Iterator[str]:
    rule = method.options.Extensions[annotations_pb2.http]
    for each in (rule, *rule.additional_bindings):
        verb = each.WhichOneof("pattern")
        if verb:
            yield _path(each, verb)


def _path(rule: HttpRule, verb: str) -> str:
    path: str = getattr(rule, verb)
    if path.startswith(_RPC_STYLE):
        return f"`GET` or `POST /?Action={path.removeprefix(_RPC_STYLE)}`"
    return f"`{verb.upper()} {path}`"


def _caller(method: MethodDescriptorProto) -> str:
    access = method.options.Extensions[access_pb2.access]
    if access.anonymous:
        return "anybody, without a credential"
    held = " and ".join(f"[`{permission}`](runtime.md#permissions)" for permission in access.permissions)
    own = f"; a user for itself with [`{access.own_permission}`](runtime.md#permissions)"
    fresh = "; never on stale knowledge of [what is revoked](../architecture.md#feeds)"
    return held + (own if access.own_permission else "") + (fresh if access.fresh else "")


def _presence(field: FieldDescriptorProto) -> str:
    behaviors = field.options.Extensions[field_behavior_pb2.field_behavior]
    if field_behavior_pb2.REQUIRED in behaviors:
        return "required"
    if field_behavior_pb2.OPTIONAL in behaviors:
        return "optional"
    return "may be absent" if field.proto3_optional else ""


def _camel(name: str) -> str:
    """The JSON name that a field has unless its contract says otherwise."""
    first, *rest = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)
