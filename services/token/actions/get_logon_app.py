"""GetLogonApp: what a page for logging on needs to know of an app."""

from services.token.errors import NotFoundApp
from services.token.model import App, Domain
from services.token.resources import Resources


async def get_logon_app(resources: Resources, *, client_id: str) -> tuple[App, Domain]:
    """The app of that id, in whichever domain, and its domain. Raises `NotFoundApp`."""
    app = await resources.directory.app(client_id)
    domain = await resources.directory.domain(app.domain_id) if app else None
    if app is None or domain is None:
        raise NotFoundApp(detail=f"unknown client {client_id!r}")
    return app, domain
