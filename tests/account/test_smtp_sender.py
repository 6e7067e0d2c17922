"""Codes by mail, to a mail server that speaks TLS, or does not."""

import time
from pathlib import Path

import pytest

from deploy.certificates import Issued
from services.account.config import Mailbox
from services.account.senders.smtp import SECONDS, SmtpSender
from services.runtime.env import Address
from services.runtime.errors import Unavailable
from tests.account.sending import CODE, message
from tests.support.mails import PASSWORD, USER, Mails, taking_mails
from tests.support.ports import free_ports
from tests.support.posts import believed_authority, serving


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Issued:
    return believed_authority(tmp_path, monkeypatch)


def sender(port: int, tls: str = "starttls", password: str = PASSWORD) -> SmtpSender:
    mailbox = Mailbox('"汽车 Cars" <cars@example.com>').address
    return SmtpSender(Address("localhost", port), tls, mailbox, USER if password else "", password)


async def refused(by: SmtpSender, **changed: str) -> str:
    """Why, as the log has it."""
    with pytest.raises(Unavailable) as caught:
        await by.send(message(**changed))
    assert caught.value.message == "The sender of codes is unavailable. Try again."
    for private in (CODE, PASSWORD, changed.get("address", message().address)):
        assert private not in str(caught.value)
    assert caught.value.__cause__ is None
    return str(caught.value.detail)


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_mail(authority: Issued, tmp_path: Path, tls: str) -> None:
    async with taking_mails(Mails(serving(tmp_path, authority), from_the_beginning=tls == "tls")) as mails:
        await sender(mails.port, tls).send(message(language="zh"))
        [mail] = mails.taken
        assert (mail.sender, mail.recipients) == ("cars@example.com", ["ann@example.com"])
        assert (mail.encrypted, mail.user) == (True, USER)
        parsed = mail.parsed
        assert parsed["from"] == '"汽车 Cars" <cars@example.com>' or parsed["from"] == "汽车 Cars <cars@example.com>"
        assert parsed["to"] == "ann@example.com"
        assert parsed["subject"] == "「Cars」的验证码"
        assert parsed["content-language"] == "zh"
        assert parsed["auto-submitted"] == "auto-generated"
        assert parsed["message-id"].endswith("@example.com>")
        assert parsed["date"].datetime.tzinfo
        assert parsed.get_content_type() == "text/plain"
        assert parsed.get_content().strip() == f"{CODE} 是您登录「Cars」的验证码，5 分钟内有效，请勿泄露给他人。"
        assert mails.said[0] == "EHLO example.com"
        assert mails.said[-1] == "QUIT"


async def test_addresses_beyond_ascii(authority: Issued, tmp_path: Path) -> None:
    async with taking_mails(Mails(serving(tmp_path, authority))) as mails:
        await sender(mails.port).send(message(address="张伟@example.com"))
        assert mails.taken[0].recipients == ["张伟@example.com"]


async def test_without_tls_nothing_is_said(authority: Issued, tmp_path: Path) -> None:
    async with taking_mails(Mails()) as mails:
        assert "STARTTLS" in await refused(sender(mails.port))
        assert not any(line.startswith(("AUTH", "MAIL")) for line in mails.said)
        # To this machine alone the settings allow it.
        await sender(mails.port, "none", password="").send(message())
        assert [mail.encrypted for mail in mails.taken] == [False]


@pytest.mark.parametrize("tls", ["starttls", "tls"])
async def test_a_certificate_that_is_not_believed(authority: Issued, tmp_path: Path, tls: str) -> None:
    context = serving(tmp_path, authority, "other.example.com")
    async with taking_mails(Mails(context, from_the_beginning=tls == "tls")) as mails:
        assert "Hostname mismatch" in await refused(sender(mails.port, tls))
        assert not any(line.startswith(("AUTH", "MAIL")) for line in mails.said)


@pytest.mark.parametrize(
    "changed",
    [
        {"address": "ann@example.com\r\nBcc: bob@example.com"},
        {"address": "ann@example.com, bob@example.com"},
        {"address": "ann@example.com>\r\nRCPT TO:<bob@example.com"},
        {"address": "ann"},
    ],
)
async def test_no_header_and_no_recipient_is_added(authority: Issued, tmp_path: Path, changed: dict[str, str]) -> None:
    async with taking_mails(Mails(serving(tmp_path, authority))) as mails:
        await refused(sender(mails.port), **changed)
        await sender(mails.port).send(message(name="Cars\r\nBcc: bob@example.com\r\n\r\nhello"))
        [mail] = mails.taken
        assert mail.recipients == ["ann@example.com"]
        assert mail.parsed["bcc"] is None
        assert mail.parsed["subject"] == "Your code for Cars Bcc: bob@example.com hello"


@pytest.mark.parametrize(
    ("verb", "answer", "said"),
    [
        ("AUTH", f"535 not {PASSWORD}", "SMTPAuthenticationError: 535"),
        ("MAIL", "550 5.7.60 not as whom you send", "5.7.60 not as whom you send"),
        ("RCPT", "550 5.1.1 <ann@example.com> is not here", "5.1.1 <the address> is not here"),
        (".", f"554 5.7.1 what is {CODE}?", "SMTPDataError: 554"),
    ],
)
async def test_what_the_server_refuses(authority: Issued, tmp_path: Path, verb: str, answer: str, said: str) -> None:
    async with taking_mails(Mails(serving(tmp_path, authority), instead={verb: answer})) as mails:
        assert said in await refused(sender(mails.port))
        assert mails.connections == 1


async def test_where_nobody_listens_and_where_it_soon_does(authority: Issued, tmp_path: Path) -> None:
    assert "SMTPConnectError" in await refused(sender(free_ports(1)[0]))
    async with taking_mails(Mails(serving(tmp_path, authority), ended=1)) as mails:
        await sender(mails.port).send(message())
        assert (len(mails.taken), mails.connections) == (1, 2)


async def test_a_mail_that_may_have_been_taken_is_not_sent_again(authority: Issued, tmp_path: Path) -> None:
    async with taking_mails(Mails(serving(tmp_path, authority), instead={".": ""})) as mails:
        await refused(sender(mails.port))
        assert (len(mails.taken), mails.connections) == (1, 1)


async def test_a_server_that_is_silent(authority: Issued, tmp_path: Path) -> None:
    async with taking_mails(Mails(serving(tmp_path, authority), silent_at="MAIL")) as mails:
        began = time.monotonic()
        await refused(sender(mails.port))
        assert time.monotonic() - began < 2 * SECONDS
        assert not mails.taken


async def test_what_becomes_of_the_connection_of_a_mail_that_was_taken(authority: Issued, tmp_path: Path) -> None:
    for end in ({"silent_at": "QUIT"}, {"instead": {"QUIT": ""}}, {"instead": {"QUIT": "500 no"}}):
        async with taking_mails(Mails(serving(tmp_path, authority), **end)) as mails:
            await sender(mails.port).send(message())
            assert len(mails.taken) == 1
