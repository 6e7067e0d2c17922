"""Who a person is: identities linked to users, and the open accounts of projects.

Owns: `AccountService` (links, and the codes that prove them), `LinkService` (links for internal callers, and their
feed), `OpenAccountService` and `OpenAccountXmlService` (open accounts, in JSON and XML), `AccountAdminService`,
`DomainSettingsService`, `UserSystemService` (where people are proven who log on), `UserDataService`; the tables
`account.link`, `account.link_event`, `account.proof`, `account.domain_settings`, `account.user_system`,
`account.project`, `account.provider`, `account.open_account` and, for what it orders of token, `account.outbox`.

Follows: token's users. Who is deleted there has no links here (`user_follower`, `user_sweep`).

Leaves to token: who the users are, whether one may log on, and every token. A link names a user by its id alone; token
is asked before a link is made. Proving that an identity is a person's is the logon's matter.
"""
