"""The table by which Envoy's Lua says every reason in every dialect, from the option `dialect` in proto/."""

from collections.abc import Iterator
from dataclasses import dataclass

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.rpc import code_pb2
from tessera.runtime.v1 import error_reason_pb2

# Whose words a reason borrows on the surfaces for which it has none of its own, by its gRPC status.
_LENDERS = {
    code_pb2.INVALID_ARGUMENT: "FIELD_INVALID",
    code_pb2.FAILED_PRECONDITION: "FIELD_INVALID",
    code_pb2.OUT_OF_RANGE: "FIELD_INVALID",
    code_pb2.ALREADY_EXISTS: "FIELD_INVALID",
    code_pb2.ABORTED: "FIELD_INVALID",
    code_pb2.UNAUTHENTICATED: "UNAUTHENTICATED",
    code_pb2.PERMISSION_DENIED: "PERMISSION_DENIED",
    code_pb2.NOT_FOUND: "ROUTE_NOT_FOUND",
    code_pb2.RESOURCE_EXHAUSTED: "OVERLOADED",
    code_pb2.UNAVAILABLE: "UNAVAILABLE",
    code_pb2.DEADLINE_EXCEEDED: "DEADLINE_EXCEEDED",
}


@dataclass(frozen=True, slots=True)
class Words:
    """What a reason is called on each surface; `pds_status` is an HTTP status on /v2, 0: the one of the gRPC status."""

    oauth: str
    pds: str
    rpc: str
    tpns: int
    pds_status: int


def read(image: FileDescriptorSet) -> dict[str, Words]:
    """Every reason of every `ErrorReason` enum of Tessera, by name, with no word left empty.

    Raises:
        ValueError: two enums have a reason of the same name, or a reason has no dialect.
    """
    dialects: dict[str, error_reason_pb2.Dialect] = {}
    for name, dialect in _dialects(image):
        if name in dialects:
            raise ValueError(f"two reasons are named {name}")
        if not dialect.code:
            raise ValueError(f"the reason {name} has no dialect")
        dialects[name] = dialect
    return {name: _words(dialect, dialects) for name, dialect in dialects.items()}


def _dialects(image: FileDescriptorSet) -> Iterator[tuple[str, error_reason_pb2.Dialect]]:
    for file in image.file:
        if not file.package.startswith("tessera."):
            continue
        for enum in file.enum_type:
            if enum.name == "ErrorReason":
                for value in enum.value:
                    if value.number:
                        yield value.name, value.options.Extensions[error_reason_pb2.dialect]


def _words(dialect: error_reason_pb2.Dialect, dialects: dict[str, error_reason_pb2.Dialect]) -> Words:
    lender = dialects[_LENDERS.get(dialect.code, "INTERNAL")]
    return Words(
        oauth=dialect.oauth or lender.oauth,
        pds=dialect.pds or lender.pds,
        rpc=dialect.rpc or lender.rpc,
        tpns=dialect.tpns or lender.tpns,
        pds_status=dialect.pds_status,
    )
