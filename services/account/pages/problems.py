"""The page that says what is wrong, and where one may go from there."""

from urllib.parse import quote

from starlette.responses import Response

from services.account.actions.user_systems.find_logon_systems import find_logon_systems
from services.account.model.user_systems import LogonSystems
from services.account.pages.account import entrance
from services.account.pages.flow import Flow
from services.account.pages.visit import Visit
from services.runtime.errors import Refusal

# Where another way, or the same one again, may do.
_OF_A_WAY = ("no_account", "disabled", "full", "taken", "too_many")
_OF_AN_ACCOUNT = ("taken", "too_many", "apps_later", "method")
_OF_NOBODY = ("not_logged_on", "disabled")


async def problem(visit: Visit, key: str, status: int) -> Response:
    """A page that says what is wrong: with the look of a domain where the logon, the address or the host tells it."""
    flow = visit.find_flow(str(visit.request.path_params.get("flow", "")))
    domain_id = flow.domain_id if flow else str(visit.request.path_params.get("domain_id", ""))
    say = visit.language.say
    return visit.page(
        "message",
        await _look(visit, flow, domain_id, key),
        status=status,
        title=say("error_title"),
        text=say(f"error.{key}"),
        alert=True,
        on=_way_on(visit, key, flow, domain_id),
    )


def _way_on(visit: Visit, key: str, flow: Flow | None, domain_id: str) -> tuple[str, str] | None:
    """Where one may go from there, and the text of that; `None`: nowhere from here."""
    if key == "unavailable" and visit.request.method == "GET":
        return visit.here, "again"
    if flow and not flow.link and not flow.done:
        if key in _OF_A_WAY:
            return f"/logon/{flow.flow_id}", "other_way"
        if key in ("over", "unavailable"):
            return f"/logon/{flow.flow_id}", "go_on"
    if domain_id and key in (*_OF_AN_ACCOUNT, "unavailable"):
        return f"/logon/account/{quote(domain_id)}", "to_account"
    return (entrance(domain_id), "log_on") if domain_id and key in _OF_NOBODY else None


async def _look(visit: Visit, flow: Flow | None, domain_id: str, key: str) -> LogonSystems | None:
    """The domain whose name and colour the page has; `None` where it is unknown, or what knows it is away."""
    try:
        if flow is None:
            if key == "unavailable":
                return None
            domain = await visit.resources.token.get_logon_domain(domain_id, visit.host)
            if domain is None:
                return None
            domain_id = domain.domain_id
        return await find_logon_systems(visit.resources, domain_id)
    except Refusal as refusal:
        visit.failed(refusal)
        return None
