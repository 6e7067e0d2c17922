"""People of any OpenID provider, which is found by its issuer: code flow with PKCE, state and nonce.

Who somebody is there is issuer and subject, and nothing else that a token says: not an email address, which the person
may have typed, nor a name.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from services.account.connectors import Kept, Proven, Wish
from services.account.connectors.code_flow import (
    Credentials,
    SystemSigner,
    claims_of,
    code_of,
    destination,
    redeem,
)
from services.account.connectors.strangers import name_of, picture_of, plain
from services.account.connectors.trial import try_client, try_keys
from services.account.errors import LogonRefused
from services.account.model import Identity, normalise
from services.account.model.user_systems import CustomSettings, UserSystem
from services.account.providers import ProviderKeys
from services.account.providers.fetch import FetchError, Reach
from services.account.providers.metadata import Metadata, MetadataError, ProviderMetadata, fetch_metadata
from services.account.providers.names import Names
from services.runtime.clock import Clock
from services.runtime.errors import FieldInvalid, Unavailable

# What clocks differ by, and what whole seconds leave out.
_SKEW_SECONDS = 10


class Custom:
    """Proves people at OpenID providers.

    Args:
        names: looks up where they are.
        keys: theirs.
        clock: the time.
    """

    def __init__(self, names: Names, keys: ProviderKeys, clock: Clock) -> None:
        self._names = names
        self._keys = keys
        self._clock = clock
        self._metadata = ProviderMetadata(names)

    async def close(self) -> None:
        """Give up what is under way."""
        await self._metadata.close()

    async def leave(self, system: UserSystem, kept: Kept, redirect_uri: str, wish: Wish) -> str:
        """Where the browser is sent. Raises as `Redirecting.leave`."""
        settings = _settings_of(system)
        metadata = await self._find(system)
        asked = {
            "client_id": settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(dict.fromkeys(("openid", *settings.scopes))),
        }
        if wish.login_hint:
            asked["login_hint"] = wish.login_hint
        if kept.anew_from:
            # With `max_age`, it has to say when it was (OpenID Connect Core section 3.1.2.1).
            asked |= {"prompt": "login", "max_age": "0"}
        return destination(metadata.authorization_endpoint, kept, asked)

    async def come_back(self, system: UserSystem, kept: Kept, redirect_uri: str, answer: Mapping[str, str]) -> Proven:
        """Whom it has proven. Raises as `Redirecting.come_back`."""
        settings = _settings_of(system)
        metadata = await self._find(system)
        # First: an error that another provider answers with is none of this one's (RFC 9207 section 2.4).
        _check_issuer(metadata, answer)
        code = code_of(answer)
        credentials = _credentials(system, metadata)
        if credentials is None:
            raise Unavailable("provider", detail="no client authentication in common")
        tokens = await redeem(
            metadata.token_endpoint,
            self._reach(system),
            credentials,
            code=code,
            redirect_uri=redirect_uri,
            verifier=kept.verifier,
        )
        signer = _signer(system, metadata)
        claims = await claims_of(self._keys, signer, tokens, kept, self._clock.now(), echoes_nonce=True)
        _check_anew(claims.get("auth_time"), kept.anew_from)
        return Proven(
            _identity(settings.issuer, claims["sub"]),
            name_of(claims.get("name")),
            picture_of(claims.get("picture")),
        )

    async def test(self, system: UserSystem) -> list[str]:
        """What is wrong with the settings, as they and the provider are now."""
        reach = self._reach(system)
        try:
            metadata = await fetch_metadata(_settings_of(system).issuer, reach)
        except MetadataError as error:
            return [str(error)]
        except FetchError as error:
            return [f"The discovery document cannot be had: {error}."]
        problems = [*_problems(system, metadata), *await try_keys(_signer(system, metadata), reach)]
        if credentials := _credentials(system, metadata):
            problems += await try_client(metadata.token_endpoint, reach, credentials)
        return problems

    async def _find(self, system: UserSystem) -> Metadata:
        return await self._metadata.find(
            system.domain_id,
            system.user_system_id,
            _settings_of(system).issuer,
            private_addresses=system.private_addresses,
        )

    def _reach(self, system: UserSystem) -> Reach:
        return Reach(self._names, system.domain_id, system.private_addresses)


def _settings_of(system: UserSystem) -> CustomSettings:
    assert isinstance(system.settings, CustomSettings)
    return system.settings


def _signer(system: UserSystem, metadata: Metadata) -> SystemSigner:
    settings = _settings_of(system)
    return SystemSigner(
        domain_id=system.domain_id,
        idp=system.user_system_id,
        issuer=settings.issuer,
        audiences=(settings.client_id,),
        algorithms=settings.algorithms,
        jwks_uri=metadata.jwks_uri,
        private_addresses=system.private_addresses,
    )


def _check_issuer(metadata: Metadata, answer: Mapping[str, str]) -> None:
    """Whether an answer may be this provider's: else one that we trust less sends us another's code (RFC 9207)."""
    if "iss" in answer:
        if answer["iss"] != metadata.issuer:
            raise LogonRefused("refused", f"came back from {plain(answer['iss'])}")
    elif metadata.names_itself:
        raise LogonRefused("refused", "came back without iss")


def _check_anew(authenticated_at: Any, anew_from: float) -> None:
    """Whether a person was proven since a time. Raises `LogonRefused`: not so, or nothing says so."""
    if not anew_from:
        return
    known = isinstance(authenticated_at, int | float) and not isinstance(authenticated_at, bool)
    if not known or authenticated_at < anew_from - _SKEW_SECONDS:
        raise LogonRefused("not_anew", "id token: auth_time")


def _credentials(system: UserSystem, metadata: Metadata) -> Credentials | None:
    """What proves our client there; `None`: there is no way that both know."""
    client_id = _settings_of(system).client_id
    if not system.secret:
        return {"client_id": client_id}, None
    if "client_secret_basic" in metadata.client_authentication:
        return {}, (client_id, system.secret)
    if "client_secret_post" in metadata.client_authentication:
        return {"client_id": client_id, "client_secret": system.secret}, None
    return None


def _identity(issuer: str, subject: str) -> Identity:
    """The identity of a subject. Raises `LogonRefused` where it cannot be told from every other one."""
    given = f"{issuer}|{subject}"
    try:
        identity = normalise("custom", given)
    except FieldInvalid:
        raise LogonRefused("refused", "issuer and sub are too long together") from None
    # A subject is compared letter by letter (OpenID Connect Core section 2): with blanks taken off or letters composed,
    # it may be somebody else's. And where issuers have the sign in them, two pairs may be one text.
    if identity.key != given or "|" in issuer:
        raise LogonRefused("refused", "sub is not in its normal form")
    return identity


def _problems(system: UserSystem, metadata: Metadata) -> Iterator[str]:
    """What metadata and settings have not in common."""
    algorithms = _settings_of(system).algorithms
    if metadata.algorithms and not set(algorithms) & set(metadata.algorithms):
        yield (
            f"The provider signs ID tokens by {', '.join(map(plain, metadata.algorithms))}, "
            f"and the settings take {', '.join(algorithms)}."
        )
    if metadata.challenge_methods is not None and "S256" not in metadata.challenge_methods:
        yield "The provider does not say that it takes PKCE by S256."
    if _credentials(system, metadata) is None:
        yield "The provider takes a client's secret neither by client_secret_basic nor by client_secret_post."
