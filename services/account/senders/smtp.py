"""Sends codes by mail, through a server that the operator names (RFC 5321, RFC 6409)."""

import asyncio
import ssl
from contextlib import suppress
from email.headerregistry import Address as MailAddress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, localtime, make_msgid

import aiosmtplib
import email_validator

from services.account.senders import Message
from services.account.senders.texts import subject_of, text_of
from services.runtime.env import Address
from services.runtime.errors import Unavailable

SECONDS = 5.0
"""How long a mail may take until the server has it."""
_QUIT_SECONDS = 1.0
# What the server says to these may quote a password, or the mail.
_SILENT = (aiosmtplib.SMTPAuthenticationError, aiosmtplib.SMTPDataError)


class SmtpSender:
    """Hands each mail to one server.

    Args:
        server: where it is.
        tls: `starttls`, `tls` from the beginning, or `none`. What is not `none` must come about, and the certificate is
            verified: nothing goes out otherwise.
        sender: who it is from.
        user: whom we are there; empty: nobody.
        password: of that user.
    """

    def __init__(self, server: Address, tls: str, sender: MailAddress, user: str, password: str) -> None:
        self._server = server
        self._tls = tls
        self._sender = sender
        self._user = user
        self._password = password
        self._context = ssl.create_default_context()

    def check(self, type_: str) -> None:
        """Whether the server takes a mail is seen when it is sent."""

    async def send(self, message: Message) -> None:
        """Send a code by mail. Raises `Unavailable`."""
        try:
            async with asyncio.timeout(SECONDS):
                mail = self.mail(message)
                client = await self._connect()
                try:
                    await client.send_message(mail)
                    # It has the mail: what becomes of the connection does not matter.
                    with suppress(aiosmtplib.SMTPException, OSError):
                        await client.quit(timeout=_QUIT_SECONDS)
                finally:
                    client.close()
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise Unavailable("sender of codes", detail=f"{self._server}: {_said(error, message)}") from None

    def mail(self, message: Message) -> EmailMessage:
        """The mail. Raises `ValueError`: the address is none, or a header would have more than one line."""
        mail = EmailMessage(policy=SMTP)
        mail["From"] = self._sender
        to = email_validator.validate_email(message.address, check_deliverability=False)
        mail["To"] = MailAddress(username=to.local_part, domain=to.ascii_domain)
        mail["Subject"] = subject_of(message)
        mail["Date"] = format_datetime(localtime())
        mail["Message-ID"] = make_msgid(domain=self._sender.domain)
        # Nobody's holiday is to be answered with (RFC 3834 section 5).
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(f"{text_of(message)}\n")
        mail["Content-Language"] = message.language
        return mail

    async def _connect(self) -> aiosmtplib.SMTP:
        """A connection on which mails may be sent; tried twice, since nothing can arrive before."""
        try:
            return await self._connected()
        except aiosmtplib.SMTPConnectError:
            return await self._connected()

    async def _connected(self) -> aiosmtplib.SMTP:
        client = aiosmtplib.SMTP(
            hostname=self._server.host,
            port=self._server.port,
            username=self._user or None,
            password=self._password or None,
            local_hostname=self._sender.domain,
            timeout=SECONDS,
            use_tls=self._tls == "tls",
            start_tls=self._tls == "starttls",
            tls_context=self._context,
        )
        await client.connect()
        return client


def _said(error: Exception, message: Message) -> str:
    name = type(error).__name__
    if isinstance(error, _SILENT):
        return f"{name}: {error.code}"
    return f"{name}: {error}".replace(message.address, "the address")
