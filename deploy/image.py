"""The descriptor image with its comments: what the contracts say, element by element."""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# For their extensions: options of a kind that is not known when the image is read would be lost.
from google.api import annotations_pb2, field_behavior_pb2  # noqa: F401
from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet
from tessera.runtime.v1 import access_pb2, error_reason_pb2  # noqa: F401

_IMAGE = Path(__file__).parents[1] / "gen" / "tessera.binpb"

# Fields of descriptor.proto, as source_code_info counts its way to an element.
_MESSAGES, _ENUMS, _SERVICES = 4, 5, 6
_FIELDS, _NESTED_MESSAGES, _NESTED_ENUMS = 2, 3, 4
_VALUES = _METHODS = 2

_Path = tuple[int, ...]


@dataclass(frozen=True)
class Image:
    """What the contracts say.

    Args:
        files: Tessera's own, in the order of their names.
        comments: what stands above an element, by its full name, without what is said to the linter. An enum's value
            is named behind its enum, `tessera.token.v1.ErrorReason.INVALID_CLIENT`.
    """

    files: tuple[FileDescriptorProto, ...]
    comments: dict[str, str]

    def package(self, name: str) -> list[FileDescriptorProto]:
        """The files of a package: services before nouns, and of the services an admin's last."""

        def order(file: FileDescriptorProto) -> tuple[bool, bool, str]:
            return not file.service, "_admin_" in file.name, file.name

        return sorted((file for file in self.files if file.package == name), key=order)


@functools.cache
def read() -> Image:
    """The image that `make proto` made."""
    whole = FileDescriptorSet.FromString(_IMAGE.read_bytes())
    files = tuple(sorted((file for file in whole.file if file.package.startswith("tessera.")), key=lambda f: f.name))
    return Image(files, {name: text for file in files for name, text in _comments(file)})


def _comments(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    written = {tuple(location.path): location.leading_comments for location in file.source_code_info.location}
    for path, name in _elements(file):
        if comment := _tidy(written.get(path, "")):
            yield name, comment


def _tidy(comment: str) -> str:
    lines = [line.strip() for line in comment.splitlines() if not line.strip().startswith("buf:lint:")]
    return re.sub(r"\n\n+", "\n\n", "\n".join(lines)).strip()


def _elements(file: FileDescriptorProto) -> Iterator[tuple[_Path, str]]:
    for number, message in enumerate(file.message_type):
        yield from _of_message(message, (_MESSAGES, number), file.package)
    for number, enum in enumerate(file.enum_type):
        yield from _of_enum(enum, (_ENUMS, number), file.package)
    for number, service in enumerate(file.service):
        name = f"{file.package}.{service.name}"
        yield (_SERVICES, number), name
        for index, method in enumerate(service.method):
            yield (_SERVICES, number, _METHODS, index), f"{name}.{method.name}"


def _of_message(message: DescriptorProto, path: _Path, within: str) -> Iterator[tuple[_Path, str]]:
    name = f"{within}.{message.name}"
    yield path, name
    for number, field in enumerate(message.field):
        yield (*path, _FIELDS, number), f"{name}.{field.name}"
    for number, nested in enumerate(message.nested_type):
        yield from _of_message(nested, (*path, _NESTED_MESSAGES, number), name)
    for number, enum in enumerate(message.enum_type):
        yield from _of_enum(enum, (*path, _NESTED_ENUMS, number), name)


def _of_enum(enum: EnumDescriptorProto, path: _Path, within: str) -> Iterator[tuple[_Path, str]]:
    name = f"{within}.{enum.name}"
    yield path, name
    for number, value in enumerate(enum.value):
        yield (*path, _VALUES, number), f"{name}.{value.name}"
