"""The public calls as lines for a shell. What a call spends is made inside its line, so that it works twice, too."""

import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deploy.local.demo import JWT_BEARER, Demo

# Quiet, and with an end of line behind each answer.
_CURL = "curl -sw '\\n'"


def lines(demo: Demo, home: Path, default_home: Path) -> Iterator[tuple[str, str]]:
    """The lines, each with what it does.

    Args:
        demo: whose ids and credentials stand in them.
        home: the data folder, as it was named.
        default_home: the folder that need not be named.
    """
    command = f"{_python()} -m deploy.local"
    where = "" if home == default_home else f" --home {shlex.quote(str(home))}"

    def fresh(what: str) -> str:
        return f"$({command} {what}{where})"

    def post(path: str, *parts: str) -> str:
        return " ".join((_CURL, f"{demo.gateway}{path}", *parts))

    def sent(message: dict[str, Any]) -> str:
        return "-H 'content-type: application/json' -d " + shlex.quote(json.dumps(message, separators=(",", ":")))

    bearer = f'-H "authorization: Bearer {fresh("access-token")}"'
    account = {"account": "926@126.com"}
    push = "-u " + shlex.quote(f"{demo.push_access_id}:{demo.push_secret_key}")
    describe = f"/?Action=DescribeOpenAccount&ProjectId={demo.project_id}&IdentityId={demo.identity_id}"

    yield (
        "a token for a signed assertion",
        post(
            "/v2/oauth/token",
            f"-d grant_type={JWT_BEARER} -d client_id={demo.jwt_client_id} -d assertion={fresh('assertion')}",
        ),
    )
    yield (
        "a token for a refresh token",
        post(
            "/v2/oauth/token",
            f"-d grant_type=refresh_token -d client_id={demo.jwt_client_id} -d refresh_token={fresh('refresh-token')}",
        ),
    )
    yield (
        "link a mobile number to the user",
        post("/v2/account/link", bearer, sent({"user_id": demo.user_id, "type": "mobile", "identity": "13900001234"})),
    )
    for form in ("JSON", "XML"):
        yield f"the open account of the user, {form}", f'{_CURL} "{demo.gateway}{describe}&Format={form}" {bearer}'
    yield (
        "bind a device token to an account",
        post(
            "/v3/device/account/batchoperate",
            push,
            sent({"operator_type": 2, "token_accounts": [{"token": "token1", "account_list": [account]}]}),
        ),
    )
    yield (
        "find the device tokens of an account",
        post("/v3/device/account/query", push, sent({"operator_type": 1, "account_list": [account]})),
    )


def _python() -> str:
    """This Python as it is called from the folder we are in."""
    program = Path(sys.executable)
    here = Path.cwd()
    return shlex.quote(str(program.relative_to(here) if program.is_relative_to(here) else program))
