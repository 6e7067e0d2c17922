"""What the account service answers instead of success, beside the runtime's refusals.

Refusal
└── AccountRefusal
    ├── IdentityTaken, LinkQuotaExceeded, NotFoundLink, NotFoundLinkUser, LinkUserRefused, LastIdentity
    ├── ProofRefused, SendLimitExceeded, UserKept, ChangedMeanwhile
    ├── NotFoundOpenAccount, IdpNotRegistered, IdTokenInvalid, IdpUnavailable, ParametersDisagree
    ├── NotFoundProject, AlreadyExistsProject, ProjectInUse, NotFoundProvider, AlreadyExistsProvider
    ├── AlreadyExistsOpenAccount, OpenAccountLinked
    └── NotFoundUserSystem, AlreadyExistsUserSystem, UserSystemQuotaExceeded, LastUserSystem

LogonRefused is no answer to a call: a page says it.
"""

from tessera.account.v1 import error_reason_pb2

from services.runtime.errors import Refusal


class AccountRefusal(Refusal):
    """The base of account's own errors."""

    reasons = error_reason_pb2.ErrorReason


class IdentityTaken(AccountRefusal):
    """The identity is linked to another user, of whom nothing is told."""

    reason = "IDENTITY_TAKEN"
    public = "The account link already exists."


class LinkQuotaExceeded(AccountRefusal):
    """The user has as many identities as it may."""

    reason = "LINK_QUOTA_EXCEEDED"
    public = "The user has as many account links as it may."


class NotFoundLink(AccountRefusal):
    """The identity is not linked, or not to the one user that the caller may see."""

    reason = "NOT_FOUND_LINK"
    public = "The account link cannot be found."


class NotFoundLinkUser(AccountRefusal):
    """The domain has no such user, or none that the caller may see."""

    reason = "NOT_FOUND_LINK_USER"
    public = "The user cannot be found."


class LinkUserRefused(AccountRefusal):
    """The user is disabled, or is never impersonated."""

    reason = "LINK_USER_REFUSED"
    public = "The user cannot be linked to."


class UserKept(AccountRefusal):
    """The user is its domain's last enabled superadmin, and is not erased."""

    reason = "USER_KEPT"
    public = "The user is the last superadmin of its domain."


class NotFoundOpenAccount(AccountRefusal):
    """The domain, or the named project, has no such open account."""

    reason = "NOT_FOUND_OPEN_ACCOUNT"
    public = "The specified open account is not found."


class IdpNotRegistered(AccountRefusal):
    """No provider of that name is registered, so its token cannot be verified."""

    reason = "IDP_NOT_REGISTERED"
    public = "The specified Idp is not registered."


class ParametersDisagree(AccountRefusal):
    """Two parameters that must name the same account do not."""

    reason = "PARAMETERS_DISAGREE"
    public = "The specified parameters do not match."


class NotFoundProject(AccountRefusal):
    """The domain has no such project."""

    reason = "NOT_FOUND_PROJECT"
    public = "The specified project is not found."


class AlreadyExistsProject(AccountRefusal):
    """The domain has a project of that id."""

    reason = "ALREADY_EXISTS_PROJECT"
    public = "The specified project already exists."


class AlreadyExistsOpenAccount(AccountRefusal):
    """The project has an account of that provider and id."""

    reason = "ALREADY_EXISTS_OPEN_ACCOUNT"
    public = "The specified open account already exists."


class ProofRefused(AccountRefusal):
    """No good proof that the identity is the user's; the caller is not told what is wrong with it."""

    reason = "PROOF_REFUSED"
    public = "The identity is not proven. Ask for a new code."


class SendLimitExceeded(AccountRefusal):
    """As many codes as may be sent were sent."""

    reason = "SEND_LIMIT_EXCEEDED"
    public = "Too many codes were sent. Try again later."


class LastIdentity(AccountRefusal):
    """The user's only identity, in a domain that wants each user to keep one."""

    reason = "LAST_IDENTITY"
    public = "The last identity of a user cannot be taken away."


class IdTokenInvalid(AccountRefusal):
    """The token is none that the provider made for us, or is not good any more; the caller is not told which."""

    reason = "ID_TOKEN_INVALID"
    public = "The specified IdToken is not valid."


class IdpUnavailable(AccountRefusal):
    """The keys of the provider cannot be had."""

    reason = "IDP_UNAVAILABLE"
    public = "The keys of the specified Idp cannot be had now. Try again."


class NotFoundProvider(AccountRefusal):
    """The project has no provider of that name."""

    reason = "NOT_FOUND_PROVIDER"
    public = "The specified provider is not found."


class AlreadyExistsProvider(AccountRefusal):
    """The project has a provider of that name."""

    reason = "ALREADY_EXISTS_PROVIDER"
    public = "The specified provider already exists."


class ProjectInUse(AccountRefusal):
    """The project has providers or open accounts."""

    reason = "PROJECT_IN_USE"
    public = "The specified project still has providers or open accounts."


class OpenAccountLinked(AccountRefusal):
    """The open account is a link: it has no row of its own to change."""

    reason = "OPEN_ACCOUNT_LINKED"
    public = "The specified open account is a link, and changes with the link alone."


class ChangedMeanwhile(AccountRefusal):
    """The etag is of another state."""

    reason = "CHANGED_MEANWHILE"
    public = "It was changed meanwhile. Read it again."


class NotFoundUserSystem(AccountRefusal):
    """The domain has no such user system."""

    reason = "NOT_FOUND_USER_SYSTEM"
    public = "The specified user system is not found."


class AlreadyExistsUserSystem(AccountRefusal):
    """The domain has a user system of that type; of type `custom`, one of that issuer."""

    reason = "ALREADY_EXISTS_USER_SYSTEM"
    public = "The domain has a user system of this type, or of this issuer, already."


class UserSystemQuotaExceeded(AccountRefusal):
    """The domain has as many user systems as it may."""

    reason = "USER_SYSTEM_QUOTA_EXCEEDED"
    public = "The domain has as many user systems as it may."


class LastUserSystem(AccountRefusal):
    """The domain's only user system is not taken away."""

    reason = "LAST_USER_SYSTEM"
    public = "The last user system of a domain cannot be taken away. It can be disabled."


class LogonRefused(Exception):
    """A user system did not let a person in.

    Args:
        key: which text the page shows: `cancelled`, the person went back; `wrong_credentials`; `not_a_member`, of a
            corporation or account that may; `root_refused`, an Alibaba Cloud account itself; `not_anew`, the user
            system went by a logon of before; `refused`, by it, for reasons of its own.
        detail: why, for the log; never a secret.
    """

    def __init__(self, key: str, detail: str = "") -> None:
        super().__init__(key)
        self.key = key
        self.detail = detail
