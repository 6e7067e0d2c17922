"""The page of the audit log's events, from their one list."""

from deploy.manual.markdown import table
from services.token.events import EventName


def events_page() -> str:
    """Every event, and what it means."""
    lines = [
        "# Events of the audit log",
        "",
        "What `event` can be in [AuditService.ListAuditEvents](token.md#auditservicelistauditevents). In a refusal,",
        "`detail` is the rule that refused, in a word. How the log is read and kept:",
        "[operating](../how-to/operate.md#the-audit-log). Made by `make manual` from `services/token/events.py`.",
        *table(("event", "means"), ((f"`{event}`", event.meaning) for event in EventName)),
    ]
    return "\n".join(lines) + "\n"
