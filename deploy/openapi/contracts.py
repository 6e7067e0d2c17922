"""What proto/ says of the public calls beyond paths and types: who may call, why a call fails, what may be absent."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from google.api import annotations_pb2
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.rpc import code_pb2
from tessera.runtime.v1 import access_pb2, error_reason_pb2

from deploy.image import Image
from gateway import reasons

# As Envoy answers them: the mapping that google/rpc/code.proto writes beside each code.
_HTTP = {
    code_pb2.INVALID_ARGUMENT: 400,
    code_pb2.FAILED_PRECONDITION: 400,
    code_pb2.OUT_OF_RANGE: 400,
    code_pb2.UNAUTHENTICATED: 401,
    code_pb2.PERMISSION_DENIED: 403,
    code_pb2.NOT_FOUND: 404,
    code_pb2.ALREADY_EXISTS: 409,
    code_pb2.ABORTED: 409,
    code_pb2.RESOURCE_EXHAUSTED: 429,
    code_pb2.INTERNAL: 500,
    code_pb2.UNAVAILABLE: 503,
    code_pb2.DEADLINE_EXCEEDED: 504,
}

# Reasons that no RPC names, since they come before it: whoever must say who he is may be refused, and so may a body
# that is none.
_BY_ACCESS = ("UNAUTHENTICATED", "PERMISSION_DENIED")
_BY_BODY = ("REQUEST_MALFORMED",)
# What a comment says to callers inside alone.
_INSIDE = " `BadRequest` names the field."


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a call fails.

    Args:
        status: HTTP status, where the surface has no other.
        words: what it is called on each surface.
        meaning: its comment, in one line.
    """

    status: int
    words: reasons.Words
    meaning: str


@dataclass(frozen=True, slots=True)
class Rpc:
    """A call: its name, whether strangers may make it, and the names of the reasons for which it fails."""

    name: str
    anonymous: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message: its name in JSON where that is not that in proto, and whether an answer may lack it."""

    json_name: str
    optional: bool


@dataclass(frozen=True, slots=True)
class Contracts:
    """All of it.

    Args:
        rpcs: by `Service_Rpc`, as the generator names operations.
        messages: fields by their name in proto, by the message's name.
        reasons: by name.
    """

    rpcs: Mapping[str, Rpc]
    messages: Mapping[str, Mapping[str, Field]]
    reasons: Mapping[str, Reason]

    @classmethod
    def read(cls, image: Image) -> Self:
        """Read the descriptor image. Raises `ValueError` where a reason is said twice or not at all."""
        known = _reasons(image)
        return cls(
            rpcs={key: rpc for file in image.files for key, rpc in _rpcs(file, image.comments, known)},
            messages={
                message.name: {field.name: Field(field.json_name, field.proto3_optional) for field in message.field}
                for file in image.files
                for message in file.message_type
            },
            reasons=known,
        )


def _reasons(image: Image) -> dict[str, Reason]:
    words = reasons.read(FileDescriptorSet(file=image.files))
    found = {}
    for file in image.files:
        for enum in file.enum_type:
            for value in enum.value:
                if enum.name == "ErrorReason" and value.number:
                    comment = image.comments[f"{file.package}.{enum.name}.{value.name}"]
                    meaning = " ".join(comment.split()).replace(_INSIDE, "")
                    code = value.options.Extensions[error_reason_pb2.dialect].code
                    found[value.name] = Reason(_HTTP[code], words[value.name], meaning)
    return found


def _rpcs(
    file: FileDescriptorProto, comments: Mapping[str, str], known: Mapping[str, Reason]
) -> Iterator[tuple[str, Rpc]]:
    for service in file.service:
        for method in service.method:
            anonymous = method.options.Extensions[access_pb2.access].anonymous
            _, _, errors = comments[f"{file.package}.{service.name}.{method.name}"].partition("Errors:")
            named = [name for name in re.findall(r"\b[A-Z_]{5,}\b", errors) if name in known]
            body = method.options.Extensions[annotations_pb2.http].body
            every = (*(_BY_BODY if body else ()), *named, *(() if anonymous else _BY_ACCESS))
            yield f"{service.name}_{method.name}", Rpc(method.name, anonymous, tuple(dict.fromkeys(every)))
