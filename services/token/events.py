"""The vocabulary of the audit log: every event that is written, and what it means.

An event is a noun and what became of it. Where a grant is answered the noun is the grant, and `detail` of a refusal is
the rule that refused it, in a word. Nothing of what a caller sent stands in `detail`, which may be a token or a secret.
`docs/reference/audit.md` shows the list.
"""

from enum import StrEnum
from typing import Self


class EventName(StrEnum):
    """Name of an event in the audit log, with its meaning."""

    meaning: str
    """One line about it, for the manual."""

    def __new__(cls, name: str, meaning: str) -> Self:
        """A member is its name; the meaning stands beside it."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.meaning = meaning
        return member

    ACCESS_REFUSED = "access.refused", "a caller's permissions do not reach what it asked for; `detail`: the RPC"
    GRANT_REFUSED = "grant.refused", "a client that proved itself asked for a grant that it may not use"
    CLIENT_REFUSED = "client.refused", "a client that proved itself may not use an endpoint beside the token's"
    CLIENT_ASSERTION_REFUSED = (
        "client_assertion.refused",
        "a client's key signed an assertion that does not prove the client: a wrong claim, or used before",
    )
    AUTHORIZATION_CODE_CREATED = "authorization_code.created", "a proven user's code was handed out"
    AUTHORIZATION_CODE_WITHHELD = "authorization_code.withheld", "a proven user was refused a code"
    AUTHORIZATION_CODE_ISSUED = "authorization_code.issued", "tokens for a code; a session began"
    AUTHORIZATION_CODE_REFUSED = (
        "authorization_code.refused",
        "a code that is one gave nothing; after `replay` the session that was made from it is revoked",
    )
    DEVICE_AUTHORIZATION_CREATED = (
        "device_authorization.created",
        "a client that proved itself asked for a device's token; its user is yet to decide",
    )
    DEVICE_AUTHORIZATION_APPROVED = "device_authorization.approved", "a proven user let a device have its tokens"
    DEVICE_AUTHORIZATION_DENIED = "device_authorization.denied", "a proven user denied a device its tokens"
    DEVICE_AUTHORIZATION_WITHHELD = (
        "device_authorization.withheld",
        "what a proven user decided of a device was not taken",
    )
    DEVICE_CODE_ISSUED = "device_code.issued", "tokens for a device; a session began"
    DEVICE_CODE_REFUSED = "device_code.refused", "an approved device code that is one gave nothing"
    REFRESH_TOKEN_ISSUED = "refresh_token.issued", "the next tokens of a session; `detail`: `rotated` or `repeated`"
    REFRESH_TOKEN_REFUSED = (
        "refresh_token.refused",
        "a refresh token that is one gave nothing; after `replay` its session is revoked",
    )
    JWT_BEARER_ISSUED = "jwt_bearer.issued", "tokens for an app's assertion; for a user, a session began"
    JWT_BEARER_REFUSED = "jwt_bearer.refused", "an assertion that an app's key signed gave nothing"
    CLIENT_CREDENTIALS_ISSUED = "client_credentials.issued", "a client's own token; `detail`: the scopes asked for"
    CLIENT_CREDENTIALS_REFUSED = "client_credentials.refused", "a client that proved itself got no token of its own"
    TOKEN_EXCHANGE_ISSUED = "token_exchange.issued", "a token to act for a user, in exchange for that user's"
    TOKEN_EXCHANGE_REFUSED = "token_exchange.refused", "an exchange gave nothing"
    ISSUE_TOKEN_ISSUED = "issue_token.issued", "tokens for a user, who was proven or is acted for; a session began"
    ISSUE_TOKEN_REFUSED = "issue_token.refused", "a user who was proven or was to be acted for got no tokens"
    GET_ACCESS_TOKEN_ISSUED = "get_access_token.issued", "tokens to act for a user, for who may; a session began"
    GET_ACCESS_TOKEN_REFUSED = "get_access_token.refused", "who may act for users got no tokens for this one"
    TOKEN_REVOKED = "token.revoked", "a client gave a token back (RFC 7009)"
    SESSION_REVOKED = (
        "session.revoked",
        "a session was ended; `detail`: by which token its client did, or `signed out` with account",
    )
    SESSION_ALL_OF_USER_REVOKED = "session.all_of_user_revoked", "all sessions of a user were ended; `detail`: how many"
    SESSION_ALL_OF_APP_REVOKED = "session.all_of_app_revoked", "all sessions of an app were ended"
    SIGNING_KEY_PUBLISHED = "signing_key.published", "a key was made that will sign; `detail`: its use and id"
    SIGNING_KEY_ACTIVATED = "signing_key.activated", "a key signs from now on; the one before it only verifies"
    SIGNING_KEY_RETIRED = "signing_key.retired", "a key verifies no longer: what it signed has expired"
    SIGNING_KEY_REVOKED = "signing_key.revoked", "a key was withdrawn in an emergency: what it signed is dead"
    DOMAIN_CREATED = "domain.created", "a domain was made"
    DOMAIN_UPDATED = "domain.updated", "a domain was changed; `detail`: the fields"
    APP_CREATED = "app.created", "an app was made; it is `client_id`"
    APP_UPDATED = "app.updated", "an app was changed; `detail`: the fields"
    APP_ALLOWED = "app.allowed", "an app was admitted to its domain"
    APP_DISALLOWED = "app.disallowed", "an app was shut out of its domain"
    APP_DELETED = "app.deleted", "an app was deleted"
    APP_SECRET_CREATED = "app_secret.created", "an app got a further secret"
    APP_SECRET_DELETED = "app_secret.deleted", "a secret of an app's was taken away"
    TRUSTED_KEY_CREATED = "trusted_key.created", "an app's assertions are verified by a further key; `detail`: the key"
    TRUSTED_KEY_UPDATED = "trusted_key.updated", "a key of an app's was enabled or disabled; `detail`: the key"
    TRUSTED_KEY_DELETED = "trusted_key.deleted", "a key of an app's was taken away; `detail`: the key"
    ACCESS_KEY_CREATED = "access_key.created", "an access key was made; it is `client_id`"
    ACCESS_KEY_UPDATED = "access_key.updated", "an access key was changed; `detail`: the fields"
    ACCESS_KEY_DELETED = "access_key.deleted", "an access key was deleted"
    PUSH_APP_CREATED = "push_app.created", "a push app was made; it is `client_id`"
    PUSH_APP_UPDATED = "push_app.updated", "a push app was changed; `detail`: the fields"
    PUSH_APP_SECRET_ROTATED = "push_app_secret.rotated", "a push app got another secret"
    PUSH_APP_DELETED = "push_app.deleted", "a push app was deleted"
    USER_CREATED = "user.created", "a user was made; `detail`: `auto_create` where an assertion did it"
    USER_UPDATED = "user.updated", "a user was changed; `detail`: the fields"
    USER_STATUS_SET = "user.status_set", "a user was enabled or disabled, with its sessions; `detail`: which"
    USER_DELETED = "user.deleted", "a user was deleted; its ids in this log are keyed hashes from then on"
