"""Renders Envoy's configuration from the settings and the descriptor image."""

import base64
from pathlib import Path

import jinja2
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import DecodeError

from gateway import reasons
from gateway.config import GatewaySettings
from gateway.docs import files
from services.runtime.env import SettingsError
from services.runtime.files import write_private

_HERE = Path(__file__).resolve().parent

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_HERE),
    undefined=jinja2.StrictUndefined,
    autoescape=False,  # noqa: S701  what comes out is YAML and Lua; `tojson` quotes for both
    trim_blocks=True,
    lstrip_blocks=True,
)

# What Envoy is told by files of their own, one a secret: its own certificates, and whom it believes inside.
_PUBLIC, _INSIDE, _AUTHORITIES = "public.yaml", "inside.yaml", "authorities.yaml"

# What a service's error consists of. Envoy turns it into JSON only if it finds the messages described.
_DETAILS = "google/rpc/error_details.proto"


def write(settings: GatewaySettings, file: Path) -> None:
    """Write Envoy's configuration into a file (0600), and beside it what it says of certificates.

    Raises:
        SettingsError: as `render`.
        OSError: a file cannot be written.
    """
    if settings.gateway_tls:
        _write_certificate(file.with_name(_PUBLIC), settings.gateway_tls)
    if settings.tls:
        _write_certificate(file.with_name(_INSIDE), settings.tls)
        _write_certificate(file.with_name(_AUTHORITIES), settings.tls, authorities=True)
    write_private(file, render(settings, file.parent))


def _write_certificate(file: Path, folder: Path, *, authorities: bool = False) -> None:
    template = _TEMPLATES.get_template("certificates.yaml.j2")
    write_private(file, template.render(name=file.stem, folder=str(folder.absolute()), authorities=authorities))


def render(settings: GatewaySettings, folder: Path = Path()) -> str:
    """Envoy's configuration as YAML. It holds the gateway's secret.

    Args:
        settings: what it is made from.
        folder: where it is to stand, beside what `write` makes.

    Raises:
        SettingsError: the descriptor image cannot be read, or lacks what the gateway needs of it; or a file of /docs is
            missing.
    """
    identity = f"{settings.gateway_client_id}:{settings.gateway_client_secret}"
    file = image_path(settings)
    image = read_image(file)
    return _TEMPLATES.get_template("envoy.yaml.j2").render(
        settings=settings,
        certificates={Path(name).stem: str(folder.absolute() / name) for name in (_PUBLIC, _INSIDE, _AUTHORITIES)},
        descriptor_image=str(file),
        lua_modules=lua_modules(image),
        words=reasons.read(image),
        docs=files() if settings.gateway_docs else (),
        identity=base64.b64encode(identity.encode()).decode(),
    )


def lua_modules(image: FileDescriptorSet) -> str:
    """The Lua that makes the modules of filters/, and the table of reasons, known to `require`."""
    return _TEMPLATES.get_template("filters/modules.lua.j2").render(
        folder=str(_HERE / "filters"), reasons=reasons.read(image)
    )


def image_path(settings: GatewaySettings) -> Path:
    """Where the descriptor image is."""
    return _HERE.parent / settings.gateway_descriptor_image


def read_image(path: Path) -> FileDescriptorSet:
    """The descriptor image in a file.

    Raises:
        SettingsError: it cannot be read, or lacks what the gateway needs of it.
    """
    name = "TESSERA_GATEWAY_DESCRIPTOR_IMAGE"
    try:
        image = FileDescriptorSet.FromString(path.read_bytes())
    except OSError as error:
        raise SettingsError([f"{name}: {error.strerror}: {path}"]) from error
    except DecodeError as error:
        raise SettingsError([f"{name}: {path} is not a descriptor image"]) from error
    if all(file.name != _DETAILS for file in image.file):
        raise SettingsError([f"{name}: {path} does not hold {_DETAILS}"])
    return image
