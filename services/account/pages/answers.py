"""What an app is answered, through its user's browser."""

from urllib.parse import urlencode

from services.account.model.logon import LogonApp


class AuthorizationError(Exception):
    """What an app is told by a redirect (RFC 6749 section 4.1.2.1)."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


def answer_to(
    app: LogonApp, redirect_uri: str, state: str, *, code: str = "", error: AuthorizationError | None = None
) -> str:
    """Where a browser takes an answer to its app: with `iss`, so that the app knows whose it is (RFC 9207)."""
    told = {"error": error.error, "error_description": error.description} if error else {"code": code}
    if state:
        told["state"] = state
    told["iss"] = app.issuer
    # What the app registered stays as it is (RFC 6749 section 3.1.2): it is not taken apart, and has no fragment.
    between = "?" if "?" not in redirect_uri else "" if redirect_uri.endswith(("?", "&")) else "&"
    return f"{redirect_uri}{between}{urlencode(told)}"
