"""Who a person is: identities linked to users, and the open accounts of projects.

Owns: `AccountService` (links), `OpenAccountService` and `OpenAccountXmlService` (open accounts, in JSON and XML),
`AccountAdminService`; the tables `account.link`, `account.project`, `account.provider` and `account.open_account`.

Leaves to token: who the users are, whether one may log on, and every token. A link names a user by its id alone; token
is asked before a link is made. Proving that an identity is a person's is the logon's matter.
"""
