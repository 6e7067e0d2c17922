"""What a call may raise: a class for each status, below it one for each reason. Made by `make manual`.

TesseraError
├── Cancelled
├── Unknown
├── InvalidArgument: FieldMissing, FieldInvalid, RequestMalformed, FormatInvalid, IdpNotRegistered, ParametersDisagree,
│       IdTokenInvalid, InvalidGrant, InvalidRefreshToken, UnauthorizedClient, UnsupportedGrantType, InvalidScope,
│       InvalidRequest, InvalidTarget, AccessKeyIdMissing, SignatureMissing, SignatureNonceMissing, TimestampMissing,
│       SignatureVersionMissing, SignatureIncomplete, SignatureMethodInvalid, TimestampMalformed, TimestampExpired,
│       AccessKeyInactive, SignatureMismatched, SignatureNonceUsed, DigestMismatched, AuthorizationPending, SlowDown,
│       AccessDenied, ExpiredToken
├── DeadlineExceeded
├── NotFound: RouteNotFound, NotFoundLink, NotFoundLinkUser, NotFoundOpenAccount, NotFoundProject, NotFoundProvider,
│       NotFoundUserSystem, NothingBound, NotFoundUser, NotFoundDomain, NotFoundApp, NotFoundSigningKey,
│       NotFoundAppSecret, NotFoundTrustedKey, NotFoundAccessKey, NotFoundPushApp, NotFoundSession, AccessKeyUnknown,
│       NotFoundDeviceAuthorization
├── AlreadyExists: IdentityTaken, AlreadyExistsProject, AlreadyExistsOpenAccount, AlreadyExistsProvider,
│       AlreadyExistsUserSystem, AlreadyExistsUser, AlreadyExistsDomain
├── PermissionDenied: LinkUserRefused, ProofRefused, UserDisabled, ImpersonationRefused, DateSkewed, NonceRepeated,
│       UserLoggedOff
├── ResourceExhausted: Overloaded, RateLimited, SendLimitExceeded, LinkQuotaExceeded, UserSystemQuotaExceeded,
│       LimitExceeded, QuotaExceeded, GuessesExceeded
├── FailedPrecondition: LastIdentity, UserKept, ProjectInUse, OpenAccountLinked, LastUserSystem,
│       AppCredentialsExhausted, LastSuperadmin, DeviceAuthorizationDecided
├── Aborted: ChangedMeanwhile, EtagMismatch
├── OutOfRange: RequestTooLarge, CursorExpired
├── Unimplemented
├── Internal
├── Unavailable: IdpUnavailable
├── DataLoss
├── Unauthenticated: InvalidClient, SignatureRefused
"""

import grpc
from tessera.client.failure import TesseraError


class Cancelled(TesseraError):
    """gRPC's CANCELLED."""


class Unknown(TesseraError):
    """gRPC's UNKNOWN."""


class InvalidArgument(TesseraError):
    """gRPC's INVALID_ARGUMENT."""


class DeadlineExceeded(TesseraError):
    """The caller's deadline passed before the answer was there. Whether the call took effect is unknown."""


class NotFound(TesseraError):
    """gRPC's NOT_FOUND."""


class AlreadyExists(TesseraError):
    """gRPC's ALREADY_EXISTS."""


class PermissionDenied(TesseraError):
    """The credential is good, its permissions do not reach this call."""


class ResourceExhausted(TesseraError):
    """gRPC's RESOURCE_EXHAUSTED."""

    retryable = True


class FailedPrecondition(TesseraError):
    """gRPC's FAILED_PRECONDITION."""


class Aborted(TesseraError):
    """gRPC's ABORTED."""


class OutOfRange(TesseraError):
    """gRPC's OUT_OF_RANGE."""


class Unimplemented(TesseraError):
    """gRPC's UNIMPLEMENTED."""


class Internal(TesseraError):
    """A fault of ours. The log has it under the request's id."""


class Unavailable(TesseraError):
    """Something that this call needs is away: the database, a peer, its keys. The same call may be tried again."""

    retryable = True


class DataLoss(TesseraError):
    """gRPC's DATA_LOSS."""


class Unauthenticated(TesseraError):
    """No credential came with the call, or one that is not well-formed, not ours, expired or revoked.

    The caller is not told which.
    """


class FieldMissing(InvalidArgument):
    """A required field is absent or empty. `BadRequest` names the field."""


class FieldInvalid(InvalidArgument):
    """A field has a value that it may not have. `BadRequest` names the field."""


class Overloaded(ResourceExhausted):
    """More calls at once than the service takes. Try again later."""


class RequestMalformed(InvalidArgument):
    """The request is not well-formed: not JSON, a wrong type, a parameter twice.

    Given by the gateway before a service is asked.
    """


class RouteNotFound(NotFound):
    """Nothing answers to this method and path. Given by the gateway."""


class RequestTooLarge(OutOfRange):
    """The body is larger than the surface takes. Given by the gateway."""


class FormatInvalid(InvalidArgument):
    """`Format` of an RPC-style call is neither JSON nor XML. Given by the gateway."""


class CursorExpired(OutOfRange):
    """The cursor of a feed is too old, or of a database that was replaced or restored since.

    List anew, and go on from the new cursor.
    """


class RateLimited(ResourceExhausted):
    """This caller has made as many calls as it may in this second.

    Nothing was done: the same call may be made again a second later.
    """


class IdentityTaken(AlreadyExists):
    """The identity is linked to another user."""


class NotFoundLink(NotFound):
    """The identity is not linked."""


class NotFoundLinkUser(NotFound):
    """No such user in this domain: what token said, said on."""


class LinkUserRefused(PermissionDenied):
    """The user may not be linked to or given a Token: disabled, or not to be impersonated."""


class NotFoundOpenAccount(NotFound):
    """No such open account in this domain, or in the project that was named."""


class IdpNotRegistered(InvalidArgument):
    """IdToken cannot be verified: the project has no such provider."""


class ParametersDisagree(InvalidArgument):
    """Two parameters that must name the same account do not."""


class NotFoundProject(NotFound):
    """No such project in this domain."""


class AlreadyExistsProject(AlreadyExists):
    """A project of this id is there already."""


class AlreadyExistsOpenAccount(AlreadyExists):
    """The project has an account of this provider and id already."""


class ProofRefused(PermissionDenied):
    """What was to prove that an identity is the user's is absent, wrong, expired, used, or for something else.

    The caller is not told which.
    """


class SendLimitExceeded(ResourceExhausted):
    """As many codes as may be sent were sent: to this address, for this user, or in this domain. Try again later."""


class LastIdentity(FailedPrecondition):
    """The user's only identity, and the domain wants each to keep one."""


class UserKept(FailedPrecondition):
    """The user is not erased: it is its domain's last enabled superadmin."""


class IdTokenInvalid(InvalidArgument):
    """IdToken is not a token of that provider for us, or is not good any more.

    The caller is not told what is wrong with it.
    """


class IdpUnavailable(Unavailable):
    """The keys of the provider cannot be had now, so IdToken cannot be verified. The same call may be tried again."""


class NotFoundProvider(NotFound):
    """The project has no provider of this name."""


class AlreadyExistsProvider(AlreadyExists):
    """The project has a provider of this name already."""


class ProjectInUse(FailedPrecondition):
    """The project still has providers or open accounts."""


class OpenAccountLinked(FailedPrecondition):
    """The open account is a link, and changes with the link alone."""


class ChangedMeanwhile(Aborted):
    """It was changed since it was read: the etag is of another state."""


class LinkQuotaExceeded(ResourceExhausted):
    """The user has as many identities as it may, 1,000. It helps to unlink some."""


class NotFoundUserSystem(NotFound):
    """The domain has no such user system."""


class AlreadyExistsUserSystem(AlreadyExists):
    """The domain has a user system of this type already; of type `custom`, one of this issuer."""


class UserSystemQuotaExceeded(ResourceExhausted):
    """The domain has as many user systems as it may, 50."""


class LastUserSystem(FailedPrecondition):
    """The domain's only user system stays.

    Without any, the domain would be logged on to by mobile number and email address again; it may be disabled.
    """


class NothingBound(NotFound):
    """None of the accounts or tokens asked for has anything bound."""


class InvalidClient(Unauthenticated):
    """The client is unknown or did not prove itself."""


class InvalidGrant(InvalidArgument):
    """The code, refresh token or assertion is not valid, expired, used, revoked, or another client's."""


class InvalidRefreshToken(InvalidArgument):
    """A refresh token that is not valid, expired, used, revoked, or another client's."""


class UnauthorizedClient(InvalidArgument):
    """The app may not use this grant, or is not admitted to its domain."""


class UnsupportedGrantType(InvalidArgument):
    """A grant that this server does not have."""


class InvalidScope(InvalidArgument):
    """A scope that the app does not have."""


class InvalidRequest(InvalidArgument):
    """The request contradicts itself or RFC 6749: two ways of authentication, a parameter of the grant left out."""


class InvalidTarget(InvalidArgument):
    """An exchanged token cannot be had for this audience."""


class NotFoundUser(NotFound):
    """No such user in this domain."""


class UserDisabled(PermissionDenied):
    """The user is disabled."""


class ImpersonationRefused(PermissionDenied):
    """The user is a superadmin, or otherwise not to be impersonated."""


class NotFoundDomain(NotFound):
    """No such domain."""


class NotFoundApp(NotFound):
    """No such app in this domain."""


class AlreadyExistsUser(AlreadyExists):
    """A user of this id is there already."""


class NotFoundSigningKey(NotFound):
    """No such signing key in this domain."""


class EtagMismatch(Aborted):
    """The etag is not that of the present state: somebody else changed it meanwhile. Read it again."""


class AlreadyExistsDomain(AlreadyExists):
    """A domain of this id or issuer is there already."""


class NotFoundAppSecret(NotFound):
    """The app has no such secret."""


class NotFoundTrustedKey(NotFound):
    """The app has no such key."""


class NotFoundAccessKey(NotFound):
    """No such access key in this domain."""


class NotFoundPushApp(NotFound):
    """No such push app in this domain."""


class AppCredentialsExhausted(FailedPrecondition):
    """The app has as many secrets or keys as its type may."""


class LastSuperadmin(FailedPrecondition):
    """The domain's last enabled superadmin: without it nobody could make another."""


class NotFoundSession(NotFound):
    """No such session in this domain."""


class LimitExceeded(ResourceExhausted):
    """The domain has had as many grants as it may have in this second.

    Nothing was used up: the same call may be tried again a second later.
    """


class QuotaExceeded(ResourceExhausted):
    """The domain has as many users, or apps, as it may have.

    Nothing was used up; it helps to delete some, or to ask for more.
    """


class AccessKeyIdMissing(InvalidArgument):
    """An RPC-style call names no access key, and brings nothing else that could prove its caller."""


class SignatureMissing(InvalidArgument):
    """An RPC-style call names an access key and is not signed."""


class SignatureNonceMissing(InvalidArgument):
    """A signed request has no nonce, which its scheme asks for."""


class TimestampMissing(InvalidArgument):
    """A signed request does not say when it was signed."""


class SignatureVersionMissing(InvalidArgument):
    """An RPC-style call does not say by which version of the signature it is signed."""


class SignatureIncomplete(InvalidArgument):
    """A signature is not of the form that its scheme has, or leaves out what it has to cover."""


class SignatureMethodInvalid(InvalidArgument):
    """The request asks for a way of signing that its scheme does not have."""


class TimestampMalformed(InvalidArgument):
    """The time at which a request was signed is not written as its scheme has it."""


class TimestampExpired(InvalidArgument):
    """An RPC-style call was signed too long ago, or is to be signed in the future."""


class AccessKeyUnknown(NotFound):
    """No such access key where the RPC-style call was sent to."""


class AccessKeyInactive(InvalidArgument):
    """The access key of an RPC-style call is disabled."""


class SignatureMismatched(InvalidArgument):
    """The signature of an RPC-style call is not that of its access key.

    The message ends with the text that was to be signed, as the vendor's does.
    """


class SignatureNonceUsed(InvalidArgument):
    """The nonce of an RPC-style call was used before."""


class DigestMismatched(InvalidArgument):
    """The body is not the one whose digest the request's headers tell."""


class DateSkewed(PermissionDenied):
    """A signed request on /v2 has a date that is too far from now."""


class SignatureRefused(Unauthenticated):
    """No such access key where a request on /v2 was sent to, or it is disabled, or the signature is not its.

    The caller is not told which.
    """


class NonceRepeated(PermissionDenied):
    """A signed request on /v2 was made before, or one of its nonce."""


class AuthorizationPending(InvalidArgument):
    """The user has not decided yet whether the device gets its Token. Ask again after the interval."""


class SlowDown(InvalidArgument):
    """As AUTHORIZATION_PENDING, and asked for too soon: the interval is 5 seconds longer from now on."""


class AccessDenied(InvalidArgument):
    """The user denied the device its Token."""


class ExpiredToken(InvalidArgument):
    """The device code has expired."""


class NotFoundDeviceAuthorization(NotFound):
    """No device of this domain shows such a code now."""


class DeviceAuthorizationDecided(FailedPrecondition):
    """Somebody decided already whether this device gets its Token."""


class GuessesExceeded(ResourceExhausted):
    """Too many codes that are none were tried in this domain. Try again a minute later."""


class UserLoggedOff(PermissionDenied):
    """All sessions of the user were ended, or it was disabled, since it was proven: it has to be proven anew."""


OF_STATUS: dict[grpc.StatusCode, type[TesseraError]] = {
    grpc.StatusCode.CANCELLED: Cancelled,
    grpc.StatusCode.UNKNOWN: Unknown,
    grpc.StatusCode.INVALID_ARGUMENT: InvalidArgument,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDenied,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ResourceExhausted,
    grpc.StatusCode.FAILED_PRECONDITION: FailedPrecondition,
    grpc.StatusCode.ABORTED: Aborted,
    grpc.StatusCode.OUT_OF_RANGE: OutOfRange,
    grpc.StatusCode.UNIMPLEMENTED: Unimplemented,
    grpc.StatusCode.INTERNAL: Internal,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.DATA_LOSS: DataLoss,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
}
"""The class of each status."""

OF_REASON: dict[str, type[TesseraError]] = {
    "UNAUTHENTICATED": Unauthenticated,
    "PERMISSION_DENIED": PermissionDenied,
    "FIELD_MISSING": FieldMissing,
    "FIELD_INVALID": FieldInvalid,
    "UNAVAILABLE": Unavailable,
    "OVERLOADED": Overloaded,
    "DEADLINE_EXCEEDED": DeadlineExceeded,
    "INTERNAL": Internal,
    "REQUEST_MALFORMED": RequestMalformed,
    "ROUTE_NOT_FOUND": RouteNotFound,
    "REQUEST_TOO_LARGE": RequestTooLarge,
    "FORMAT_INVALID": FormatInvalid,
    "CURSOR_EXPIRED": CursorExpired,
    "RATE_LIMITED": RateLimited,
    "IDENTITY_TAKEN": IdentityTaken,
    "NOT_FOUND_LINK": NotFoundLink,
    "NOT_FOUND_LINK_USER": NotFoundLinkUser,
    "LINK_USER_REFUSED": LinkUserRefused,
    "NOT_FOUND_OPEN_ACCOUNT": NotFoundOpenAccount,
    "IDP_NOT_REGISTERED": IdpNotRegistered,
    "PARAMETERS_DISAGREE": ParametersDisagree,
    "NOT_FOUND_PROJECT": NotFoundProject,
    "ALREADY_EXISTS_PROJECT": AlreadyExistsProject,
    "ALREADY_EXISTS_OPEN_ACCOUNT": AlreadyExistsOpenAccount,
    "PROOF_REFUSED": ProofRefused,
    "SEND_LIMIT_EXCEEDED": SendLimitExceeded,
    "LAST_IDENTITY": LastIdentity,
    "USER_KEPT": UserKept,
    "ID_TOKEN_INVALID": IdTokenInvalid,
    "IDP_UNAVAILABLE": IdpUnavailable,
    "NOT_FOUND_PROVIDER": NotFoundProvider,
    "ALREADY_EXISTS_PROVIDER": AlreadyExistsProvider,
    "PROJECT_IN_USE": ProjectInUse,
    "OPEN_ACCOUNT_LINKED": OpenAccountLinked,
    "CHANGED_MEANWHILE": ChangedMeanwhile,
    "LINK_QUOTA_EXCEEDED": LinkQuotaExceeded,
    "NOT_FOUND_USER_SYSTEM": NotFoundUserSystem,
    "ALREADY_EXISTS_USER_SYSTEM": AlreadyExistsUserSystem,
    "USER_SYSTEM_QUOTA_EXCEEDED": UserSystemQuotaExceeded,
    "LAST_USER_SYSTEM": LastUserSystem,
    "NOTHING_BOUND": NothingBound,
    "INVALID_CLIENT": InvalidClient,
    "INVALID_GRANT": InvalidGrant,
    "INVALID_REFRESH_TOKEN": InvalidRefreshToken,
    "UNAUTHORIZED_CLIENT": UnauthorizedClient,
    "UNSUPPORTED_GRANT_TYPE": UnsupportedGrantType,
    "INVALID_SCOPE": InvalidScope,
    "INVALID_REQUEST": InvalidRequest,
    "INVALID_TARGET": InvalidTarget,
    "NOT_FOUND_USER": NotFoundUser,
    "USER_DISABLED": UserDisabled,
    "IMPERSONATION_REFUSED": ImpersonationRefused,
    "NOT_FOUND_DOMAIN": NotFoundDomain,
    "NOT_FOUND_APP": NotFoundApp,
    "ALREADY_EXISTS_USER": AlreadyExistsUser,
    "NOT_FOUND_SIGNING_KEY": NotFoundSigningKey,
    "ETAG_MISMATCH": EtagMismatch,
    "ALREADY_EXISTS_DOMAIN": AlreadyExistsDomain,
    "NOT_FOUND_APP_SECRET": NotFoundAppSecret,
    "NOT_FOUND_TRUSTED_KEY": NotFoundTrustedKey,
    "NOT_FOUND_ACCESS_KEY": NotFoundAccessKey,
    "NOT_FOUND_PUSH_APP": NotFoundPushApp,
    "APP_CREDENTIALS_EXHAUSTED": AppCredentialsExhausted,
    "LAST_SUPERADMIN": LastSuperadmin,
    "NOT_FOUND_SESSION": NotFoundSession,
    "LIMIT_EXCEEDED": LimitExceeded,
    "QUOTA_EXCEEDED": QuotaExceeded,
    "ACCESS_KEY_ID_MISSING": AccessKeyIdMissing,
    "SIGNATURE_MISSING": SignatureMissing,
    "SIGNATURE_NONCE_MISSING": SignatureNonceMissing,
    "TIMESTAMP_MISSING": TimestampMissing,
    "SIGNATURE_VERSION_MISSING": SignatureVersionMissing,
    "SIGNATURE_INCOMPLETE": SignatureIncomplete,
    "SIGNATURE_METHOD_INVALID": SignatureMethodInvalid,
    "TIMESTAMP_MALFORMED": TimestampMalformed,
    "TIMESTAMP_EXPIRED": TimestampExpired,
    "ACCESS_KEY_UNKNOWN": AccessKeyUnknown,
    "ACCESS_KEY_INACTIVE": AccessKeyInactive,
    "SIGNATURE_MISMATCHED": SignatureMismatched,
    "SIGNATURE_NONCE_USED": SignatureNonceUsed,
    "DIGEST_MISMATCHED": DigestMismatched,
    "DATE_SKEWED": DateSkewed,
    "SIGNATURE_REFUSED": SignatureRefused,
    "NONCE_REPEATED": NonceRepeated,
    "AUTHORIZATION_PENDING": AuthorizationPending,
    "SLOW_DOWN": SlowDown,
    "ACCESS_DENIED": AccessDenied,
    "EXPIRED_TOKEN": ExpiredToken,
    "NOT_FOUND_DEVICE_AUTHORIZATION": NotFoundDeviceAuthorization,
    "DEVICE_AUTHORIZATION_DECIDED": DeviceAuthorizationDecided,
    "GUESSES_EXCEEDED": GuessesExceeded,
    "USER_LOGGED_OFF": UserLoggedOff,
}
"""The class of each reason, by its name on the wire."""
