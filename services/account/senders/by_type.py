"""Each type of address has its own sender, as the settings say."""

from collections.abc import Mapping

from services.account.config import AccountSettings
from services.account.senders import Message, Sender
from services.account.senders.acs3 import AccessKey
from services.account.senders.alibaba_sms import AlibabaSms, AlibabaSmsSender
from services.account.senders.console import ConsoleSender
from services.account.senders.none import NoSender
from services.account.senders.smtp import SmtpSender
from services.account.senders.webhook import WebhookSender
from services.runtime.errors import Unavailable


class ByType:
    """Sends each message by the sender of its type.

    Args:
        senders: by type of address.
    """

    def __init__(self, senders: Mapping[str, Sender]) -> None:
        self._senders = senders

    def check(self, type_: str) -> None:
        """Ask the type's sender. Raises `Unavailable`."""
        self.of(type_).check(type_)

    async def send(self, message: Message) -> None:
        """Send a message. Raises `Unavailable`."""
        await self.of(message.type).send(message)

    def of(self, type_: str) -> Sender:
        """The sender of a type. Raises `Unavailable`."""
        if type_ not in self._senders:
            raise Unavailable("sender of codes", detail=f"nothing is sent to {type_}")
        return self._senders[type_]


def chosen(settings: AccountSettings, console: ConsoleSender) -> ByType:
    """The senders that the settings choose; their `problems` are none."""
    return ByType(
        {
            "mobile": _made(settings.mobile_sender, settings, console),
            "email": _made(settings.email_sender, settings, console),
        }
    )


def _made(name: str, settings: AccountSettings, console: ConsoleSender) -> Sender:
    match name:
        case "console":
            return console
        case "smtp":
            assert settings.smtp_address
            assert settings.smtp_from
            return SmtpSender(
                settings.smtp_address,
                settings.smtp_tls,
                settings.smtp_from.address,
                settings.smtp_user,
                settings.smtp_password,
            )
        case "alibaba_sms":
            return AlibabaSmsSender(
                AlibabaSms(
                    settings.alibaba_sms_endpoint,
                    AccessKey(settings.alibaba_sms_access_key_id, settings.alibaba_sms_access_key_secret),
                    settings.alibaba_sms_sign_name,
                    settings.alibaba_sms_template_code,
                    settings.alibaba_sms_international_template_code,
                )
            )
        case "webhook":
            assert settings.webhook_url
            return WebhookSender(settings.webhook_url, settings.webhook_secret)
    return NoSender()
