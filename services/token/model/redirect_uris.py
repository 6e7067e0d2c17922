"""Which redirect URIs are an app's."""

import re
from collections.abc import Collection
from urllib.parse import SplitResult

from services.runtime.validation import AUTHORITY
from services.token.model.apps import AppType

# A loopback address as RFC 8252 section 7.3 writes it; what follows its port, if anything does, is its path or query.
_LOOPBACK = re.compile(r"(http://(?:127\.0\.0\.1|\[::1\]))(?::([1-9][0-9]{0,4}))?((?:[/?].*)?)")
_MAX_PORT = 65535
_MACHINE = ("localhost", "127.0.0.1", "::1")


def is_on_the_web(parts: SplitResult) -> bool:
    """Whether a URL leads to a host by TLS, or to this machine, and names that as every reader of it does."""
    return bool(AUTHORITY.fullmatch(parts.netloc)) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _MACHINE)
    )


def is_registered(app_type: AppType, registered: Collection[str], presented: str) -> bool:
    """Whether a redirect URI that came with a request is one of those that an app was set up with.

    To the letter (RFC 9700 section 2.1): nothing is decoded, normalised or left out before. Of an installed app's on a
    loopback address the port may be any (RFC 8252 section 7.3), since it gets a free one each time; all else of it is
    compared to the letter, too. `localhost` is no such address: whose it is, the resolver says (section 8.3).

    Args:
        app_type: type of the app.
        registered: the app's redirect URIs.
        presented: what came.
    """
    if presented in registered:
        return True
    wanted = _without_port(presented) if app_type is AppType.NATIVE else None
    return wanted is not None and any(_without_port(each) == wanted for each in registered)


def _without_port(uri: str) -> tuple[str, str] | None:
    """Origin and rest of a loopback URI; `None` of any other."""
    match = _LOOPBACK.fullmatch(uri)
    if match is None or int(match[2] or 1) > _MAX_PORT:
        return None
    return match[1], match[3]
