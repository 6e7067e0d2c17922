"""What the token service answers instead of success, beside the runtime's refusals.

Refusal
└── TokenRefusal
    ├── InvalidRequest, UnsupportedGrantType, InvalidClient, UnauthorizedClient, InvalidScope, InvalidTarget
    ├── InvalidGrant, InvalidRefreshToken
    ├── AuthorizationPending, SlowDown, AccessDenied, ExpiredToken
    ├── NotFoundDeviceAuthorization, DeviceAuthorizationDecided, GuessesExceeded
    ├── NotFoundUser, AlreadyExistsUser, UserDisabled, UserLoggedOff, ImpersonationRefused
    ├── NotFoundDomain, NotFoundApp, NotFoundSigningKey, NotFoundSession, AlreadyExistsDomain
    ├── NotFoundAppSecret, NotFoundTrustedKey, NotFoundAccessKey, NotFoundPushApp
    ├── EtagMismatch, LastSuperadmin, AppCredentialsExhausted
    ├── LimitExceeded, QuotaExceeded
    ├── DigestMismatched, SignatureIncomplete, SignatureMethodInvalid, SignatureNonceMissing
    ├── TimestampMissing, TimestampMalformed
    ├── on /v2: DateSkewed, NonceRepeated, SignatureRefused
    └── in the RPC style: AccessKeyIdMissing, AccessKeyInactive, AccessKeyUnknown, SignatureMismatched,
        SignatureMissing, SignatureNonceUsed, SignatureVersionMissing, TimestampExpired

A stranger at the token endpoint is told no more than RFC 6749 section 5.2 asks for: `detail` has the rest, for the log.
"""

from tessera.token.v1 import error_reason_pb2

from services.runtime.errors import Refusal


class TokenRefusal(Refusal):
    """The base of token's own errors."""

    reasons = error_reason_pb2.ErrorReason


class InvalidRequest(TokenRefusal):
    """The request contradicts itself."""

    reason = "INVALID_REQUEST"
    public = "The request is not valid."


class UnsupportedGrantType(TokenRefusal):
    """There is no such grant here."""

    reason = "UNSUPPORTED_GRANT_TYPE"
    public = "The input parameter grant_type is not supported."


class InvalidClient(TokenRefusal):
    """No such client, or it did not prove itself: nobody is told which."""

    reason = "INVALID_CLIENT"
    public = "The input parameter client_id is not valid."


class UnauthorizedClient(TokenRefusal):
    """The app is not admitted to its domain, or its type may not use this grant."""

    reason = "UNAUTHORIZED_CLIENT"
    public = "The app is not authorized to use this grant."


class InvalidScope(TokenRefusal):
    """A scope that the app, or the session, does not have."""

    reason = "INVALID_SCOPE"
    public = "The input parameter scope doesn't match the limitation."


class InvalidTarget(TokenRefusal):
    """An audience that no token can be exchanged for."""

    reason = "INVALID_TARGET"
    public = "The input parameter audience is not supported."


class InvalidGrant(TokenRefusal):
    """A code or assertion that gives nothing."""

    reason = "INVALID_GRANT"
    public = "The grant is not valid."


class InvalidRefreshToken(TokenRefusal):
    """A refresh token that gives nothing."""

    reason = "INVALID_REFRESH_TOKEN"
    public = "The input parameter refresh_token is not valid."


class AuthorizationPending(TokenRefusal):
    """A device asks, and its user has not decided."""

    reason = "AUTHORIZATION_PENDING"
    public = "The user has not decided yet."


class SlowDown(TokenRefusal):
    """A device asks, its user has not decided, and it does not wait as it is told."""

    reason = "SLOW_DOWN"
    public = "The user has not decided yet. Wait 5 seconds more between two calls."


class AccessDenied(TokenRefusal):
    """The user denied it."""

    reason = "ACCESS_DENIED"
    public = "The user denied the device its token."


class ExpiredToken(TokenRefusal):
    """Nobody decided, or the device came too late."""

    reason = "EXPIRED_TOKEN"
    public = "The device code has expired."


class NotFoundDeviceAuthorization(TokenRefusal):
    """No device of the domain asks by this code, or it has expired."""

    reason = "NOT_FOUND_DEVICE_AUTHORIZATION"
    public = "The resource device authorization cannot be found. Please check."


class DeviceAuthorizationDecided(TokenRefusal):
    """Somebody decided before."""

    reason = "DEVICE_AUTHORIZATION_DECIDED"
    public = "It was decided already whether the device gets its token."


class GuessesExceeded(TokenRefusal):
    """Too many codes that are none were tried in this minute."""

    reason = "GUESSES_EXCEEDED"
    public = "Too many wrong codes were tried. Try again a minute later."


class NotFoundUser(TokenRefusal):
    """No such user in the domain."""

    reason = "NOT_FOUND_USER"
    public = "The resource user cannot be found. Please check."


class UserDisabled(TokenRefusal):
    """The user is there and may have no token."""

    reason = "USER_DISABLED"
    public = "The user is disabled."


class UserLoggedOff(TokenRefusal):
    """All sessions of the user were ended, or it was disabled, since it was proven."""

    reason = "USER_LOGGED_OFF"
    public = "The user has to be proven anew."


class AlreadyExistsUser(TokenRefusal):
    """The id is taken."""

    reason = "ALREADY_EXISTS_USER"
    public = "The resource user already exists."


class ImpersonationRefused(TokenRefusal):
    """A superadmin, whom the domain lets nobody act for."""

    reason = "IMPERSONATION_REFUSED"
    public = "This user cannot be impersonated."


class NotFoundDomain(TokenRefusal):
    """No such domain."""

    reason = "NOT_FOUND_DOMAIN"
    public = "The resource domain cannot be found. Please check."


class NotFoundApp(TokenRefusal):
    """No such app in the domain."""

    reason = "NOT_FOUND_APP"
    public = "The resource app cannot be found. Please check."


class NotFoundSigningKey(TokenRefusal):
    """No such signing key in the domain."""

    reason = "NOT_FOUND_SIGNING_KEY"
    public = "The resource signing_key cannot be found. Please check."


class EtagMismatch(TokenRefusal):
    """A change that was meant for another state."""

    reason = "ETAG_MISMATCH"
    public = "The resource was changed meanwhile. Read it again."


class AlreadyExistsDomain(TokenRefusal):
    """The id or the issuer is taken."""

    reason = "ALREADY_EXISTS_DOMAIN"
    public = "The resource domain already exists."


class NotFoundAppSecret(TokenRefusal):
    """No such secret of the app."""

    reason = "NOT_FOUND_APP_SECRET"
    public = "The resource secret cannot be found. Please check."


class NotFoundTrustedKey(TokenRefusal):
    """No such key of the app."""

    reason = "NOT_FOUND_TRUSTED_KEY"
    public = "The resource key cannot be found. Please check."


class NotFoundAccessKey(TokenRefusal):
    """No such access key in the domain."""

    reason = "NOT_FOUND_ACCESS_KEY"
    public = "The resource access key cannot be found. Please check."


class NotFoundPushApp(TokenRefusal):
    """No such push app in the domain."""

    reason = "NOT_FOUND_PUSH_APP"
    public = "The resource push app cannot be found. Please check."


class AppCredentialsExhausted(TokenRefusal):
    """As many secrets or keys as the app's type may have."""

    reason = "APP_CREDENTIALS_EXHAUSTED"
    public = "The app may have no further secret or key."


class LastSuperadmin(TokenRefusal):
    """Nobody could make another one."""

    reason = "LAST_SUPERADMIN"
    public = "The domain's last superadmin has to stay."


class NotFoundSession(TokenRefusal):
    """No such session in the domain."""

    reason = "NOT_FOUND_SESSION"
    public = "The resource session cannot be found. Please check."


class LimitExceeded(TokenRefusal):
    """The domain has had as many grants as it may in this second; nothing was used up."""

    reason = "LIMIT_EXCEEDED"
    public = "The domain's limit is exceeded. Try again later."


class QuotaExceeded(TokenRefusal):
    """The domain has as many users, or apps, as it may."""

    reason = "QUOTA_EXCEEDED"
    public = "The domain's quota is exhausted."


class DigestMismatched(TokenRefusal):
    """The body is not what the headers say of it."""

    reason = "DIGEST_MISMATCHED"
    public = "The digest that was sent is not that of the body."


class SignatureIncomplete(TokenRefusal):
    """What proves a request is not of the form of its scheme, or does not cover what it has to."""

    reason = "SIGNATURE_INCOMPLETE"
    public = "The request signature does not conform to Aliyun standards."


class SignatureMethodInvalid(TokenRefusal):
    """A way of signing that the scheme does not have."""

    reason = "SIGNATURE_METHOD_INVALID"
    public = "Specified signature method is not valid."


class SignatureNonceMissing(TokenRefusal):
    """No nonce, in a scheme that asks for one."""

    reason = "SIGNATURE_NONCE_MISSING"
    public = "SignatureNonce is mandatory for this action."


class TimestampMissing(TokenRefusal):
    """Nothing says when the request was signed."""

    reason = "TIMESTAMP_MISSING"
    public = "Timestamp is mandatory for this action."


class TimestampMalformed(TokenRefusal):
    """When the request was signed is not written as its scheme has it."""

    reason = "TIMESTAMP_MALFORMED"
    public = "Specified time stamp or date value is not well formatted."


class DateSkewed(TokenRefusal):
    """On /v2: signed at a time that is too far from now."""

    reason = "DATE_SKEWED"
    public = "The date of the request is too far from the server's time."


class NonceRepeated(TokenRefusal):
    """On /v2: made before."""

    reason = "NONCE_REPEATED"
    public = "Specified signature nonce was used already."


class SignatureRefused(TokenRefusal):
    """On /v2: no such access key, or not its signature: nobody is told which."""

    reason = "SIGNATURE_REFUSED"
    public = "The access key or its signature is not valid."


class AccessKeyIdMissing(TokenRefusal):
    """In the RPC style: nothing says who calls."""

    reason = "ACCESS_KEY_ID_MISSING"
    public = "AccessKeyId is mandatory for this action."


class AccessKeyInactive(TokenRefusal):
    """In the RPC style: the access key is disabled."""

    reason = "ACCESS_KEY_INACTIVE"
    public = "Specified access key is disabled."


class AccessKeyUnknown(TokenRefusal):
    """In the RPC style: no such access key."""

    reason = "ACCESS_KEY_UNKNOWN"
    public = "Specified access key is not found."


class SignatureMissing(TokenRefusal):
    """In the RPC style: an access key and no signature."""

    reason = "SIGNATURE_MISSING"
    public = "Signature is mandatory for this action."


_TO_SIGN_CHARS = 32_768


class SignatureMismatched(TokenRefusal):
    """In the RPC style: not the access key's signature.

    The vendor tells what should have been signed, all of it the caller's own words. Its clients cut the text at the
    first colon, and compare what follows with what they signed. Of a long one they are told the beginning: the gateway
    has no room for a refusal of more than 64 KiB.

    Args:
        to_sign: the text that the signature should be of.
    """

    reason = "SIGNATURE_MISMATCHED"
    public = "Specified signature is not matched with our calculation. server string to sign is:"

    def __init__(self, to_sign: str = "") -> None:
        # What was sent may hold a token, which is not for the log.
        super().__init__(self.public + to_sign[:_TO_SIGN_CHARS], detail="wrong signature")


class SignatureNonceUsed(TokenRefusal):
    """In the RPC style: made before."""

    reason = "SIGNATURE_NONCE_USED"
    public = "Specified signature nonce was used already."


class SignatureVersionMissing(TokenRefusal):
    """In the RPC style: nothing says by which version of the signature it is signed."""

    reason = "SIGNATURE_VERSION_MISSING"
    public = "SignatureVersion is mandatory for this action."


class TimestampExpired(TokenRefusal):
    """In the RPC style: signed at a time that is too far from now."""

    reason = "TIMESTAMP_EXPIRED"
    public = "Specified time stamp or date value is expired."
