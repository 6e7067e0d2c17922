"""Settings of the account service."""

import ipaddress
import re
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address as MailAddress
from typing import Self
from urllib.parse import urlsplit

import email_validator
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from services.runtime.env import PREFIX, Address, setting
from services.runtime.settings import FollowerSettings
from services.runtime.vault import MasterKey

_SHARED_SECRET_CHARS = 32
_MAILBOX = re.compile(r"(?:(?P<name>[^<>\r\n]*)<)?(?P<address>[^<>\s]+)>?")
# What each sender cannot do without.
_NEEDED = {
    "alibaba_sms": (
        "alibaba_sms_access_key_id",
        "alibaba_sms_access_key_secret",
        "alibaba_sms_sign_name",
        "alibaba_sms_template_code",
    ),
    "smtp": ("smtp_address", "smtp_from"),
    "webhook": ("webhook_url", "webhook_secret"),
}


class ClientKey:
    """The private key of this service's identity: P-256, in PEM."""

    def __init__(self, pem: str) -> None:
        try:
            key = load_pem_private_key(pem.encode(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
            msg = "a P-256 private key in PEM"
            raise ValueError(msg)  # noqa: TRY004 what a setting may not be
        self.private_key = key

    def __repr__(self) -> str:
        return "ClientKey(...)"


class SafeUrl(str):
    """An address that secrets are sent to: https, or http to this machine."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Read it. Raises `ValueError`."""
        parts = urlsplit(text)
        if not parts.hostname or not (
            parts.scheme == "https" or (parts.scheme == "http" and is_this_machine(parts.hostname))
        ):
            msg = "an https URL, or an http one of this machine"
            raise ValueError(msg)
        return super().__new__(cls, text)


class SharedSecret(str):
    """What two programs prove themselves by to each other."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Read it. Raises `ValueError`."""
        if len(text) < _SHARED_SECRET_CHARS:
            msg = f"{_SHARED_SECRET_CHARS} characters or more"
            raise ValueError(msg)
        return super().__new__(cls, text)


class Mailbox:
    """Whom mail is from: `name@host`, or `Name <name@host>`."""

    def __init__(self, text: str) -> None:
        found = _MAILBOX.fullmatch(text)
        try:
            validated = email_validator.validate_email(found["address"] if found else "", check_deliverability=False)
            name = found["name"] or "" if found else ""
            self.address = MailAddress(display_name=name.strip().strip('"'), addr_spec=validated.normalized)
        except (email_validator.EmailNotValidError, MessageError, ValueError) as error:
            msg = "an address, or: Name <address>"
            raise ValueError(msg) from error

    def __repr__(self) -> str:
        return f"Mailbox({str(self.address)!r})"


def is_this_machine(host: str) -> bool:
    """Whether a host is the loopback interface's."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(frozen=True, kw_only=True)
class AccountSettings(FollowerSettings):
    """What the account service is told by its environment, beside what every service is told that follows token."""

    client_id: str = setting("id of this service's identity at token, as bootstrap printed it")
    client_key: ClientKey = setting("private key of that identity, P-256 in PEM; hand it over as a file", secret=True)
    domain_id: str = setting("domain that this identity belongs to", default="bj1")
    master_key: MasterKey = setting(
        "encrypts secrets of user systems at rest: 32 bytes in base64, another than token's", secret=True
    )
    mobile_sender: str = setting(
        "how codes reach mobile numbers: none, they are refused; console, shown on standard error, for a terminal "
        "alone; alibaba_sms, Alibaba Cloud's short messages; webhook, a program of yours",
        default="none",
        choices=("none", "console", "alibaba_sms", "webhook"),
    )
    email_sender: str = setting(
        "how codes reach mail addresses: none and console as above; smtp, a mail server; webhook, a program of yours",
        default="none",
        choices=("none", "console", "smtp", "webhook"),
    )
    alibaba_sms_endpoint: SafeUrl = setting(
        "base URL of the API of short messages", default=SafeUrl("https://dysmsapi.aliyuncs.com")
    )
    alibaba_sms_access_key_id: str = setting("id of the access key that sends short messages", default="")
    alibaba_sms_access_key_secret: str = setting("its secret; hand it over as a file", default="", secret=True)
    alibaba_sms_sign_name: str = setting("the approved signature of short messages", default="")
    alibaba_sms_template_code: str = setting(
        "the approved template of short messages, with the variable code", default=""
    )
    alibaba_sms_international_template_code: str = setting(
        "the one for numbers outside the Chinese mainland; absent: they are sent nothing", default=""
    )
    smtp_address: Address | None = setting("host:port of the mail server", default=None)
    smtp_tls: str = setting(
        "TLS with the mail server, which must come about: starttls, or tls from the beginning; none, for this machine "
        "alone",
        default="starttls",
        choices=("starttls", "tls", "none"),
    )
    smtp_user: str = setting("whom this service is at the mail server; absent: nobody", default="")
    smtp_password: str = setting("password of that user; hand it over as a file", default="", secret=True)
    smtp_from: Mailbox | None = setting("whom mails are from: an address, or: Name <address>", default=None)
    webhook_url: SafeUrl | None = setting("where codes are posted to", default=None)
    webhook_secret: SharedSecret = setting(
        "what these posts are signed with, 32 characters or more; hand it over as a file", default="", secret=True
    )

    def problems(self) -> list[str]:
        """Settings that contradict each other."""
        found = super().problems()
        for name in ("mobile_sender", "email_sender"):
            chosen = getattr(self, name)
            if chosen == "console" and self.log_format != "console":
                # What machines read is kept and forwarded, and so would be the codes.
                found.append(f"{_variable(name)}: console needs TESSERA_LOG_FORMAT=console")
            if missing := [_variable(needed) for needed in _NEEDED.get(chosen, ()) if not getattr(self, needed)]:
                found.append(f"{_variable(name)}: {chosen} needs {', '.join(missing)}")
        if self.smtp_address and self.smtp_tls == "none" and not is_this_machine(self.smtp_address.host):
            found.append("TESSERA_SMTP_TLS: none is for this machine alone")
        if bool(self.smtp_user) != bool(self.smtp_password):
            found.append("TESSERA_SMTP_USER: there is to be a user with a password, or neither")
        return found


def _variable(name: str) -> str:
    return PREFIX + name.upper()
