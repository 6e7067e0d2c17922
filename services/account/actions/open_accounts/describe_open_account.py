"""DescribeOpenAccount: an open account by our id, or by its provider's token."""

from dataclasses import dataclass, field

from services.account.actions.open_accounts.get_open_account import get_open_account
from services.account.errors import IdpNotRegistered, NotFoundOpenAccount, ParametersDisagree
from services.account.model import PROVIDER_NAME, OpenAccount, Provider
from services.account.providers import verify
from services.account.resources import Resources
from services.runtime.auth import Principal
from services.runtime.errors import FieldMissing


@dataclass(frozen=True, slots=True)
class Wanted:
    """The account that is asked for: by `identity_id`, or by `id_token` with `idp`. Empty: not given."""

    identity_id: str
    id_token: str = field(repr=False)
    idp: str
    open_id: str
    project_id: str


async def describe_open_account(resources: Resources, caller: Principal, *, wanted: Wanted) -> OpenAccount:
    """Find an open account of the caller's domain.

    Raises:
        IdpNotRegistered: a provider's token came, and there is no such provider to verify it with.
        FieldMissing: several projects have a provider of that name, and none is named.
        IdTokenInvalid: the token is not the provider's, or not good.
        IdpUnavailable: the provider's keys cannot be had.
        NotFoundOpenAccount: the domain, or the named project, has no such account.
        ParametersDisagree: what is given beside names another account.
    """
    if not (wanted.id_token and wanted.idp):
        account = await get_open_account(
            resources, caller, identity_id=wanted.identity_id, project_id=wanted.project_id
        )
        return check_agrees(account, wanted)
    # Before anything is told: what a token is good for shows only to who has a good one.
    provider = await _provider(resources, caller, wanted)
    token = await verify(resources.provider_keys, provider, wanted.id_token, resources.clock.now())
    found = await resources.store.select_open_account_of_provider(
        caller.domain_id, provider.project_id, provider.idp, token.claims["sub"]
    )
    if wanted.identity_id:
        named = await get_open_account(resources, caller, identity_id=wanted.identity_id, project_id=wanted.project_id)
        if found is None or found.identity_id != named.identity_id:
            raise ParametersDisagree("The input parameters IdentityId and IdToken do not match.", field="IdToken")
    if found is None:
        raise NotFoundOpenAccount
    return check_agrees(found, wanted)


def check_agrees(account: OpenAccount, wanted: Wanted) -> OpenAccount:
    """The account, if what is given beside is its own. Raises `ParametersDisagree`."""
    chosen = "IdentityId" if wanted.identity_id else "IdToken"
    for name, given, own in (("OpenId", wanted.open_id, account.open_id), ("Idp", wanted.idp, account.idp)):
        if given not in ("", own):
            raise ParametersDisagree(f"The input parameters {chosen} and {name} do not match.", field=name)
    return account


async def _provider(resources: Resources, caller: Principal, wanted: Wanted) -> Provider:
    """The provider that is registered under the name. Never one that a token names."""
    if not PROVIDER_NAME.fullmatch(wanted.idp):
        raise IdpNotRegistered
    if wanted.project_id:
        provider = await resources.store.select_provider(caller.domain_id, wanted.project_id, wanted.idp)
        found = [provider] if provider else []
    else:
        found = await resources.store.select_providers_of_name(caller.domain_id, wanted.idp)
    if not found:
        raise IdpNotRegistered
    if len(found) > 1:
        raise FieldMissing("ProjectId", "ProjectId is mandatory for this action: several projects have this Idp.")
    return found[0]
