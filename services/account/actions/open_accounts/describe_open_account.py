"""DescribeOpenAccount: an open account by our id, or by its provider's token."""

import uuid
from dataclasses import dataclass

from services.account.errors import IdpNotRegistered, NotFoundOpenAccount, ParametersDisagree
from services.account.model import OpenAccount
from services.account.resources import Resources
from services.runtime.auth import Principal


@dataclass(frozen=True, slots=True)
class Wanted:
    """The account that is asked for: by `identity_id`, or by `id_token` with `idp`. Empty: not given."""

    identity_id: str
    id_token: str
    idp: str
    open_id: str
    project_id: str


async def describe_open_account(resources: Resources, caller: Principal, *, wanted: Wanted) -> OpenAccount:
    """Find an open account of the caller's domain.

    Raises:
        IdpNotRegistered: a provider's token came, and there is no such provider to verify it with.
        NotFoundOpenAccount: the domain, or the named project, has no such account.
        ParametersDisagree: `Idp` or `OpenId` are another account's.
    """
    if wanted.id_token and wanted.idp:
        # A token is believed by the keys of a registered provider alone, and no project has registered one.
        raise IdpNotRegistered
    account = await resources.store.select_open_account(caller.domain_id, _identity_id(wanted.identity_id))
    if account is None or wanted.project_id not in ("", account.project_id):
        raise NotFoundOpenAccount
    for name, given, own in (("OpenId", wanted.open_id, account.open_id), ("Idp", wanted.idp, account.idp)):
        if given not in ("", own):
            raise ParametersDisagree(f"The input parameters IdentityId and {name} do not match.", field=name)
    return account


def _identity_id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise NotFoundOpenAccount from None
