"""Directories that speak LDAP: who logs on is searched for, and then binds with what was typed (docs/adr/0078).

`connector` is what the rest of account sees. `asking` is what is asked of a directory, in threads; `pool` keeps what is
left of that for the next logon; `entries` makes filters and reads entries; `directory` alone speaks to the network.
"""

from services.account.connectors.ldap.connector import Ldap

__all__ = ["Ldap"]
