"""The demo domain's content: one of everything that the public calls need, and how to use it.

Kept in `demo.json`, whose keys are the fields of `Demo`.
"""

import dataclasses
import json
import time
import urllib.parse
import uuid
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

from deploy.local.errors import CannotRun
from deploy.local.home import write_private

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_ASSERTION_SECONDS = 60
_TIMEOUT_SECONDS = 10


@dataclasses.dataclass(frozen=True, kw_only=True)
class Demo:
    """Ids and credentials of the demo.

    Args:
        gateway: URL of the gateway.
        domain_id: its domain.
        user_id: a user of the domain.
        identity_id: an open account of that user.
        project_id: the project of that account.
        client_id: a WebServer app. Its client_credentials token has the permissions of the access key and may ask for
            `push:{push_access_id}`.
        client_secret: its secret.
        redirect_uri: its one redirect URI.
        jwt_client_id: a JWT app.
        jwt_private_key_pem: the key (PKCS #8) that signs its assertions.
        access_key_id: an access key that may link, impersonate and describe.
        access_key_secret: its secret.
        push_access_id: a push app.
        push_secret_key: its secret.
        refresh_token: a refresh token of the user, the JWT app's, that nobody has used.
    """

    gateway: str
    domain_id: str
    user_id: str
    identity_id: str
    project_id: str
    client_id: str
    client_secret: str
    redirect_uri: str
    jwt_client_id: str
    jwt_private_key_pem: str
    access_key_id: str
    access_key_secret: str
    push_access_id: str
    push_secret_key: str
    refresh_token: str

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read `demo.json`.

        Raises:
            CannotRun: it is not there, or not what `write` wrote.
        """
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError as error:
            raise CannotRun(f"{path} is not there: `make run` writes it when the stack is ready") from error
        except (OSError, ValueError, TypeError) as error:
            raise CannotRun(f"{path} is damaged; without it, the next start makes another demo") from error

    def write(self, path: Path) -> None:
        """Write `demo.json` (0600), at once. Raises `CannotRun` where it cannot be."""
        write_private(path, json.dumps(dataclasses.asdict(self), indent=2) + "\n")

    def renewed(self, gateway: str) -> Self:
        """The same with an unused refresh token, where the gateway is now. Raises `CannotRun`.

        Whether the one that it has is dead is not asked: asking would spend it, and a spent one that is shown again
        ends its session.
        """
        here = dataclasses.replace(self, gateway=gateway)
        return dataclasses.replace(here, refresh_token=here.new_refresh_token())

    def assertion(self) -> str:
        """Sign an assertion for the user (RFC 7523): good for a minute, and once."""
        claims = {
            "iss": self.jwt_client_id,
            "sub": self.user_id,
            "sub_type": "user",
            "aud": self.domain_id,
            "jti": uuid.uuid4().hex,
            "exp": int(time.time()) + _ASSERTION_SECONDS,
        }
        import jwt  # most commands need none, and are to be quick

        return jwt.encode(claims, self.jwt_private_key_pem, algorithm="RS256")

    def new_refresh_token(self) -> str:
        """Start a session of the user by an assertion, and take its refresh token. Raises `CannotRun`."""
        form = {"grant_type": JWT_BEARER, "client_id": self.jwt_client_id, "assertion": self.assertion()}
        return str(self._token(form)["refresh_token"])

    def access_token(self, *, push: bool) -> str:
        """Take an access token as the WebServer app, or as that for its push app. Raises `CannotRun`."""
        scope = {"scope": f"push:{self.push_access_id}"} if push else {}
        return self.token_of(self.client_id, self.client_secret, **scope)

    def token_of(self, client_id: str, client_secret: str, **further: str) -> str:
        """Take an access token by client_credentials, as any client of the domain. Raises `CannotRun`."""
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        return str(self._token(form | further)["access_token"])

    def redeem(self, code: str, code_verifier: str) -> dict[str, Any]:
        """Take the tokens of whoever logged on to the WebServer app. Raises `CannotRun`."""
        return self._token(
            {
                "grant_type": "authorization_code",
                "client_id": self.client_id,
                "client_secret": self.client_secret,
                "redirect_uri": self.redirect_uri,
                "code": code,
                "code_verifier": code_verifier,
            }
        )

    def claims(self, id_token: str, nonce: str) -> dict[str, Any]:
        """What an ID token says that the WebServer app was given (OpenID Connect Core section 3.1.3.7).

        Raises:
            CannotRun: the gateway is away.
            jwt.PyJWTError: it is not for this app, or not the answer to what it asked.
        """
        import jwt  # as above

        issuer = self._ask("GET", "/.well-known/openid-configuration")["issuer"]
        keys = jwt.PyJWKSet.from_dict(self._ask("GET", "/.well-known/jwks.json"))
        key_id = jwt.get_unverified_header(id_token).get("kid")
        key = next((each for each in keys.keys if each.key_id == key_id), None)
        if key is None:
            raise jwt.InvalidTokenError("it is signed by a key that the gateway does not have")
        claims: dict[str, Any] = jwt.decode(id_token, key, algorithms=["RS256"], audience=self.client_id, issuer=issuer)
        if claims.get("nonce") != nonce:
            raise jwt.InvalidTokenError("nonce is another logon's")
        return claims

    def _token(self, form: dict[str, str]) -> dict[str, Any]:
        return self._ask("POST", "/v2/oauth/token", form)

    def _ask(self, method: str, path: str, form: dict[str, str] | None = None) -> dict[str, Any]:
        import http.client  # as above

        address = urllib.parse.urlsplit(self.gateway)
        connection = http.client.HTTPConnection(address.netloc, timeout=_TIMEOUT_SECONDS)
        try:
            headers = {"content-type": "application/x-www-form-urlencoded"}
            connection.request(method, path, urllib.parse.urlencode(form) if form else None, headers)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            raise CannotRun(f"{self.gateway} does not answer; does `make run` run?") from error
        finally:
            connection.close()
        if answer.status != HTTPStatus.OK:
            raise CannotRun(f"{self.gateway} refused {path}: {answer.status} {text.strip()}")
        return json.loads(text)  # type: ignore[no-any-return]
