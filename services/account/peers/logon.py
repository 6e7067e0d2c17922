"""What pages ask of token: apps, devices, and what who was proven is given."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from tessera.client import TesseraError, errors
from tessera.token.v1 import token_pb2, token_service_pb2

from services.account.model.logon import BrowserSession, Device, LogonApp, LogonDomain
from services.account.peers.calling import Calls, Proof, metadata, refusal_of

# What is said of the code of a device, by the key of a page's text.
_NO_DEVICE: dict[type[TesseraError], str] = {
    errors.NotFoundDeviceAuthorization: "user_code",
    errors.DeviceAuthorizationDecided: "decided",
}
_LOGGED_OFF: dict[type[TesseraError], str] = {errors.UserLoggedOff: "logged_off"}


class Logon(Calls):
    """Apps, devices, codes."""

    async def get_logon_app(self, client_id: str, redirect_uri: str = "") -> LogonApp | None:
        """An app as a page shows it, `None` where there is none. Raises `Unavailable`.

        Args:
            client_id: the app.
            redirect_uri: one that came with a request, of which it is asked whether it is the app's.
        """
        request = token_service_pb2.GetLogonAppRequest(client_id=client_id, redirect_uri=redirect_uri)
        try:
            app = await self._mint.GetLogonApp(request, metadata=metadata())
        except (errors.NotFoundApp, errors.FieldInvalid):
            # What cannot be an id is none.
            return None
        except TesseraError as error:
            raise refusal_of(error) from error
        return LogonApp(
            client_id=app.client_id,
            domain_id=app.domain_id,
            issuer=app.issuer,
            domain_name=app.domain_name,
            name=app.name,
            description=app.description,
            logo=app.logo,
            scopes=tuple(app.scopes),
            admitted=app.admitted,
            skip_consent=app.skip_consent,
            needs_code_challenge=app.needs_code_challenge,
            redeems_codes=app.redeems_codes,
            redirect_uri_registered=app.redirect_uri_registered,
        )

    async def create_user(
        self, domain_id: str, once: UUID, proof: Proof, *, client_id: str, nick_name: str, avatar: str
    ) -> str:
        """Have a user made for an identity that was proven for the first time; the user's id.

        Idempotent by `once`, a UUIDv7 of today.

        Raises:
            NotFoundLinkUser: the user that it made before is gone.
            LogonRefused: `full`, the domain has as many users as it may.
            FieldInvalid: it was made before with something else.
            Unavailable: token is away.
        """
        request = token_service_pb2.CreateUserForLogonRequest(
            domain_id=domain_id,
            request_id=str(once),
            proof=token_pb2.Proof(method=proof.method, identity=proof.identity),
            client_id=client_id,
            nick_name=nick_name,
            avatar=avatar,
        )
        answer = await self._call(self._mint.CreateUserForLogon, request, {errors.QuotaExceeded: "full"})
        return str(answer.user_id)

    async def create_authorization_code(
        self,
        app: LogonApp,
        session: BrowserSession,
        *,
        redirect_uri: str,
        scopes: Sequence[str],
        code_challenge: str,
        nonce: str,
    ) -> str:
        """Have an authorization code made for a user who is logged on.

        Args:
            app: to which the user logs on.
            session: who, in which browser.
            redirect_uri: where the code is sent.
            scopes: that the user consented to.
            code_challenge: of method S256; empty: none.
            nonce: OpenID's; empty: none.

        Raises:
            NotFoundLinkUser: the user is gone.
            LinkUserRefused: the user is disabled.
            LogonRefused: `logged_off`, the user has to be proven anew; `scope`, the app may have one of them no more.
            PermissionDenied: the app is not admitted any more.
            Unavailable: token is away.
        """
        request = token_service_pb2.CreateAuthorizationCodeRequest(
            domain_id=app.domain_id,
            client_id=app.client_id,
            user_id=session.user_id,
            redirect_uri=redirect_uri,
            proof=token_pb2.Proof(method=session.method),
            scope=" ".join(scopes),
            code_challenge=code_challenge,
            device_name=session.browser,
            nonce=nonce,
            browser_id=str(session.session_id),
        )
        request.auth_time.FromDatetime(session.proven_at)
        refused = _LOGGED_OFF | {errors.InvalidScope: "scope"}
        return str((await self._call(self._mint.CreateAuthorizationCode, request, refused)).code)

    async def get_logon_domain(self, domain_id: str, host: str = "") -> LogonDomain | None:
        """A domain as a page needs it, `None` where there is none. Raises `Unavailable`.

        Args:
            domain_id: the domain; empty: that of the host, or the default one.
            host: at which the page stands.
        """
        request = token_service_pb2.GetLogonDomainRequest(domain_id=domain_id, host=host)
        try:
            found = await self._mint.GetLogonDomain(request, metadata=metadata())
        except (errors.NotFoundDomain, errors.FieldInvalid):
            return None
        except TesseraError as error:
            raise refusal_of(error) from error
        return LogonDomain(found.domain_id, found.issuer)

    async def get_device(self, user_code: str, domain_id: str) -> Device:
        """The device that shows a code.

        Args:
            user_code: as its user entered it.
            domain_id: whose device it is.

        Raises:
            LogonRefused: `user_code`, no device shows that; `decided`, it was used; `guesses`, too many were wrong.
            Unavailable: token is away.
        """
        request = token_service_pb2.GetDeviceAuthorizationRequest(user_code=user_code, domain_id=domain_id)
        refused = _NO_DEVICE | {errors.GuessesExceeded: "guesses"}
        found = await self._call(self._mint.GetDeviceAuthorization, request, refused)
        return Device(found.authorization_id, found.domain_id, found.client_id, tuple(found.scopes), found.device_name)

    async def decide_device(
        self, device: Device, user_id: str, proof: Proof, proven_at: datetime, *, approve: bool
    ) -> None:
        """Let a device be logged on as a user, or not. Of several decisions the first counts.

        Raises:
            LogonRefused: `user_code`, it asks no longer; `decided`; `logged_off`, the user has to be proven anew.
            NotFoundLinkUser: the user is gone.
            LinkUserRefused: the user is disabled.
            Unavailable: token is away; whether it was decided is unknown.
        """
        kinds = token_service_pb2.DecideDeviceAuthorizationRequest
        request = token_service_pb2.DecideDeviceAuthorizationRequest(
            domain_id=device.domain_id,
            authorization_id=device.authorization_id,
            decision=kinds.DECISION_APPROVE if approve else kinds.DECISION_DENY,
            user_id=user_id,
            proof=token_pb2.Proof(method=proof.method, identity=proof.identity),
        )
        request.auth_time.FromDatetime(proven_at)
        await self._call(self._mint.DecideDeviceAuthorization, request, _NO_DEVICE | _LOGGED_OFF)
