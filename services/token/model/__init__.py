"""Nouns of the token service, and rules that need nothing but them: a module for each idea."""

from services.token.model.apps import (
    PUSH_PERMISSIONS,
    AccessKey,
    AccessKeyLimits,
    App,
    AppType,
    AuthMethod,
    PushApp,
    StoredTrustedKey,
    TrustedKey,
)
from services.token.model.audit import AuditEvent, AuditFilter, Event, Proof
from services.token.model.codes import CODE_CHALLENGE, CODE_VERIFIER, AuthorizationCode, code_challenge
from services.token.model.devices import (
    Decision,
    DeviceAuthorization,
    NewDeviceAuthorization,
    entered_user_code,
    hash_user_code,
    new_user_code,
    shown_user_code,
)
from services.token.model.domains import ID, Domain
from services.token.model.redirect_uris import is_registered
from services.token.model.requests import (
    OPENID,
    PUSH_SCOPE,
    SCOPE,
    ClientRequest,
    DeviceRequest,
    Nonce,
    PresentedToken,
    TokenRequest,
)
from services.token.model.roles import Actor, check_permissions, check_role, endable_roles, lower_role
from services.token.model.sessions import KeptSession, NewSession, OpenSession, RefreshTokenState, Rotation, Session
from services.token.model.signing_keys import DueKey, SigningKey, StoredKey
from services.token.model.tokens import AccessToken, AccessTokenState, Issued, RevocationKind
from services.token.model.users import LogonUser, NewUser, Profile, User, UserChange, UserEventKind, UserInfo

__all__ = [
    "CODE_CHALLENGE",
    "CODE_VERIFIER",
    "ID",
    "OPENID",
    "PUSH_PERMISSIONS",
    "PUSH_SCOPE",
    "SCOPE",
    "AccessKey",
    "AccessKeyLimits",
    "AccessToken",
    "AccessTokenState",
    "Actor",
    "App",
    "AppType",
    "AuditEvent",
    "AuditFilter",
    "AuthMethod",
    "AuthorizationCode",
    "ClientRequest",
    "Decision",
    "DeviceAuthorization",
    "DeviceRequest",
    "Domain",
    "DueKey",
    "Event",
    "Issued",
    "KeptSession",
    "LogonUser",
    "NewDeviceAuthorization",
    "NewSession",
    "NewUser",
    "Nonce",
    "OpenSession",
    "PresentedToken",
    "Profile",
    "Proof",
    "PushApp",
    "RefreshTokenState",
    "RevocationKind",
    "Rotation",
    "Session",
    "SigningKey",
    "StoredKey",
    "StoredTrustedKey",
    "TokenRequest",
    "TrustedKey",
    "User",
    "UserChange",
    "UserEventKind",
    "UserInfo",
    "check_permissions",
    "check_role",
    "code_challenge",
    "endable_roles",
    "entered_user_code",
    "hash_user_code",
    "is_registered",
    "lower_role",
    "new_user_code",
    "shown_user_code",
]
