"""The reference page of the REST API, at /docs: Swagger UI out of its wheel, over `docs/openapi.yaml`."""

import importlib.util
from dataclasses import dataclass, field
from pathlib import Path

from services.runtime.env import SettingsError

_HERE = Path(__file__).resolve().parent
_WHEEL = "mkdocs_swagger_ui_tag"

# Nothing from elsewhere, and no script within the page. Swagger UI sets styles on elements and draws arrows from
# `data:` addresses.
_POLICY = (
    "default-src 'none'; connect-src 'self'; img-src 'self' data:; script-src 'self'; "
    "style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class File:
    """A file that Envoy reads when it starts, and answers as it is.

    Args:
        path: where callers find it.
        source: where it is.
        content_type: what it is.
    """

    path: str
    source: Path
    content_type: str
    size: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", self.source.stat().st_size)

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the answer."""
        return {
            "content-type": self.content_type,
            # Long enough for one reading, short enough for an upgrade.
            "cache-control": "public, max-age=300",
            "content-security-policy": _POLICY,
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
        }


def files() -> tuple[File, ...]:
    """What /docs consists of.

    Raises:
        SettingsError: one of the files is not there.
    """
    wheel = importlib.util.find_spec(_WHEEL)
    if wheel is None or wheel.origin is None:
        raise SettingsError(["TESSERA_GATEWAY_DOCS: Swagger UI is not installed: the wheel mkdocs-swagger-ui-tag"])
    viewer = Path(wheel.origin).parent / "swagger-ui"
    page = _HERE / "page"
    try:
        return (
            File("/docs", page / "index.html", "text/html; charset=utf-8"),
            File("/docs/", page / "index.html", "text/html; charset=utf-8"),
            File("/docs/page.js", page / "page.js", "text/javascript; charset=utf-8"),
            File("/docs/page.css", page / "page.css", "text/css; charset=utf-8"),
            File("/docs/openapi.yaml", _HERE.parent / "docs" / "openapi.yaml", "application/yaml; charset=utf-8"),
            File(
                "/docs/swagger-ui.js", viewer / "javascripts" / "swagger-ui-bundle.js", "text/javascript; charset=utf-8"
            ),
            File("/docs/swagger-ui.css", viewer / "stylesheets" / "swagger-ui.css", "text/css; charset=utf-8"),
        )
    except OSError as error:
        raise SettingsError([f"TESSERA_GATEWAY_DOCS: {error.strerror}: {error.filename}"]) from error
