"""The token service: who may speak.

Owns: domains, apps (OAuth clients) and their admission, trusted keys, access keys, push apps, users, sessions, signing
keys, the audit log; schema `token`.

RPCs: `TokenService` (the OAuth 2.0 server), `MintService` (tokens for users whom account has proven), `KeyService`
(verification keys for the other services), `RevocationService` and `UserFeedService` (what services follow),
`AccessTokenService` (tokens of users for servers that know them), `UserService`, `SessionService`, `AuditService`,
`TokenAdminService`, `SigningKeyService`, `DomainService` (operators), Envoy's `Authorization` (`edge/`).

Leaves to account: identity providers, logon pages, links. It turns "this user was proven" into codes and tokens and
knows nothing of how. Leaves to binding: device tokens.
"""
