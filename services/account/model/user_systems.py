"""The user systems of a domain: where people are proven who log on to it, and how each is reached."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, ClassVar

from services.account.model.domain_settings import DomainSettings

MAX_USER_SYSTEMS = 50
"""User systems that a domain has at the most."""


@dataclass(frozen=True, slots=True)
class MobileSettings:
    """A code goes to the number."""

    type: ClassVar[str] = "mobile"


@dataclass(frozen=True, slots=True)
class EmailSettings:
    """A code goes to the address."""

    type: ClassVar[str] = "email"


@dataclass(frozen=True, slots=True)
class DingSettings:
    """DingTalk's OAuth 2.

    Args:
        client_id: AppKey or SuiteKey of the DingTalk app.
        corp_ids: corporations whose members may log on.
        any_corp: whether those of every other one may, too.
    """

    client_id: str
    corp_ids: tuple[str, ...] = ()
    any_corp: bool = False
    type: ClassVar[str] = "ding"


@dataclass(frozen=True, slots=True)
class RamSettings:
    """Alibaba Cloud's OpenID Connect, for RAM users.

    Args:
        client_id: id of the OAuth app there.
        account_ids: Alibaba Cloud accounts (`aid`) whose RAM users may log on; at least one.
        root: whether the account itself may, too.
        international: whether that is the international site.
    """

    client_id: str
    account_ids: tuple[str, ...]
    root: bool = False
    international: bool = False
    type: ClassVar[str] = "ram"


@dataclass(frozen=True, slots=True)
class WechatSettings:
    """WeCom.

    Args:
        corp_id: the corporation whose members may log on.
        agent_id: the app of it that they log on through.
    """

    corp_id: str
    agent_id: str
    type: ClassVar[str] = "wechat"


@dataclass(frozen=True, slots=True)
class LdapSettings:
    """A directory: who logs on is searched for, and then binds.

    Args:
        url: `ldaps://host[:port]`, or `ldap://host[:port]` that turns to TLS by StartTLS.
        bind_dn: who searches; its password is the system's secret. Both empty: anybody may.
        base_dn: below what is searched.
        filter: which entry is a person's; `{name}` stands for what the person typed, escaped.
        identity_attribute: the attribute that is the identity.
        name_attribute: the attribute that is shown; may be missing in an entry.
        ca_pem: who vouches for the directory's certificate; empty: whom this machine believes.
    """

    url: str
    base_dn: str
    bind_dn: str = ""
    filter: str = "(uid={name})"
    identity_attribute: str = "entryUUID"
    name_attribute: str = "cn"
    ca_pem: str = ""
    type: ClassVar[str] = "ldap"


@dataclass(frozen=True, slots=True)
class CustomSettings:
    """Any OpenID provider.

    Args:
        issuer: its issuer; all else is found by discovery.
        client_id: id of our client there.
        scopes: what is asked for, beside `openid`.
        algorithms: of id tokens that are believed.
    """

    issuer: str
    client_id: str
    scopes: tuple[str, ...] = ()
    algorithms: tuple[str, ...] = ("RS256",)
    type: ClassVar[str] = "custom"


UserSystemSettings = (
    MobileSettings | EmailSettings | DingSettings | RamSettings | WechatSettings | LdapSettings | CustomSettings
)

SETTINGS: Mapping[str, type[UserSystemSettings]] = {
    each.type: each
    for each in (
        MobileSettings,
        EmailSettings,
        DingSettings,
        RamSettings,
        WechatSettings,
        LdapSettings,
        CustomSettings,
    )
}
"""The settings of each type."""

FIXED: Mapping[str, tuple[str, ...]] = {
    "custom": ("issuer",),
    "wechat": ("corp_id",),
    "ram": ("international",),
    "ldap": ("identity_attribute",),
}
"""Settings that say whose an identity is, by type: links outlive them, so they do not change."""

CODED = ("mobile", "email")
"""Types whose people are proven by a code of ours."""


@dataclass(frozen=True, slots=True)
class UserSystem:
    """A user system of a domain.

    Args:
        domain_id: the domain.
        user_system_id: its id, a UUIDv7; of one that a domain has because it made none, the type.
        settings: how it is reached; which kind they are is the type of the identities that it proves.
        display_name: what the page calls it; empty: the name of its type.
        enabled: whether it is there for anybody.
        link_only: whether it links an identity to who is logged on already, and lets nobody in.
        private_addresses: whether it may be at addresses that are not public.
        secret: what we prove ourselves by there; empty: nothing, or it does not open (then `has_secret` is true).
        created_at: since when it is there.
        updated_at: when it was last changed; `None`: never.
        version: of its state; 0: it is not stored.
        has_secret: whether a secret is stored.
    """

    domain_id: str
    user_system_id: str
    settings: UserSystemSettings
    display_name: str = ""
    enabled: bool = True
    link_only: bool = False
    private_addresses: bool = False
    secret: str = field(default="", repr=False)
    created_at: datetime | None = None
    updated_at: datetime | None = None
    version: int = 0
    has_secret: bool = False

    @property
    def type(self) -> str:
        """Of the identities that it proves."""
        return self.settings.type


@dataclass(frozen=True, slots=True)
class LogonSystems:
    """What the logon to a domain goes by.

    Args:
        settings: of the domain.
        systems: its user systems that are enabled, in the order in which they are shown.
    """

    settings: DomainSettings
    systems: tuple[UserSystem, ...]

    def let_in(self, type_: str, user_system_id: str) -> bool:
        """Whether people may log on by a user system; empty, or the type, of a domain that made none: by its type."""
        named = user_system_id if user_system_id != type_ else ""
        return any(
            each.type == type_ and named in ("", each.user_system_id) and not each.link_only for each in self.systems
        )


def unset_systems(domain_id: str) -> tuple[UserSystem, ...]:
    """The user systems of a domain that made none."""
    return tuple(UserSystem(domain_id, settings.type, settings) for settings in (MobileSettings(), EmailSettings()))


def read_settings(type_: str, values: Mapping[str, Any]) -> UserSystemSettings:
    """Settings of a type by name, as they are stored; lists are tuples again, and what is not known is passed over."""
    known = SETTINGS[type_]
    taken: dict[str, Any] = {each.name: values[each.name] for each in fields(known) if each.name in values}
    return known(**{name: _whole(value) for name, value in taken.items()})


def _whole(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
