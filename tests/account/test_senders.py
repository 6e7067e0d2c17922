"""What codes say, which sender takes them, and the one that shows them."""

import io
from contextlib import redirect_stderr
from itertools import product
from pathlib import Path

import pytest

from services.account.config import AccountSettings
from services.account.senders.alibaba_sms import AlibabaSmsSender
from services.account.senders.by_type import chosen
from services.account.senders.console import KEPT, ConsoleSender
from services.account.senders.smtp import SmtpSender
from services.account.senders.texts import subject_of, text_of
from services.account.senders.webhook import WebhookSender
from services.runtime.env import SettingsError, load
from services.runtime.errors import Unavailable
from tests.account.running import new_client_key
from tests.account.sending import CODE, message

_ENVIRON = {
    "TESSERA_LISTEN": "127.0.0.1:50052",
    "TESSERA_DSN": "postgresql:///tessera",
    "TESSERA_STATE_DIR": "state",
    "TESSERA_TOKEN_ADDRESS": "127.0.0.1:50051",
    "TESSERA_CLIENT_ID": "account",
    "TESSERA_CLIENT_KEY": new_client_key(),
    "TESSERA_MASTER_KEY": "A" * 43 + "=",
}
_SMS = {
    "TESSERA_MOBILE_SENDER": "alibaba_sms",
    "TESSERA_ALIBABA_SMS_ACCESS_KEY_ID": "testid",
    "TESSERA_ALIBABA_SMS_ACCESS_KEY_SECRET": "SECRET",
    "TESSERA_ALIBABA_SMS_SIGN_NAME": "汽车",
    "TESSERA_ALIBABA_SMS_TEMPLATE_CODE": "SMS_1",
}
_SMTP = {
    "TESSERA_EMAIL_SENDER": "smtp",
    "TESSERA_SMTP_ADDRESS": "mail.example.com:587",
    "TESSERA_SMTP_FROM": "Cars <cars@example.com>",
}
_WEBHOOK = {"TESSERA_WEBHOOK_URL": "https://example.com/codes", "TESSERA_WEBHOOK_SECRET": "SECRET" * 6}


def settings(**environ: str) -> AccountSettings:
    return load(AccountSettings, _ENVIRON | environ)


def test_texts_name_the_code_the_app_and_the_time() -> None:
    assert (
        text_of(message())
        == f"{CODE} is your code to log on to Cars. It expires in 5 minutes. Do not share it with anyone."
    )
    assert text_of(message(language="zh")) == f"{CODE} 是您登录「Cars」的验证码，5 分钟内有效，请勿泄露给他人。"
    assert subject_of(message()) == "Your code for Cars"
    assert subject_of(message(language="zh")) == "「Cars」的验证码"
    for purpose, language, name in product(("link", "logon"), ("en", "zh"), ("", "Cars", "a\r\nbcc: b\u2028c")):
        made = message(purpose=purpose, language=language, name=name)
        assert text_of(made).startswith(f"{CODE} ")
        assert CODE not in subject_of(made)
        for text in (text_of(made), subject_of(made)):
            assert text.isprintable()
            assert "  " not in text
    assert len(text_of(message(name="x" * 1000))) < 200


def test_a_message_does_not_show_its_code() -> None:
    assert CODE not in repr(message())


async def test_what_was_shown_by_any_process_is_kept_for_a_while(tmp_path: Path) -> None:
    console, other = ConsoleSender(tmp_path), ConsoleSender(tmp_path)
    assert console.shown() == []
    with redirect_stderr(io.StringIO()) as out:
        for number in range(KEPT + 5):
            await (other if number % 2 else console).send(message(address=f"u{number}@example.com"))
    assert out.getvalue().startswith(f"to email u0@example.com: {CODE} is your code")
    shown = console.shown()
    assert len(shown) == KEPT
    assert shown[0].address == f"u{KEPT + 4}@example.com"
    assert shown[0].text == text_of(message())
    assert shown[0].at >= shown[-1].at
    assert [file.stat().st_mode & 0o777 for file in tmp_path.iterdir()] == [0o600]


@pytest.mark.parametrize(
    ("environ", "mobile", "email"),
    [
        (_SMS | _SMTP, AlibabaSmsSender, SmtpSender),
        (
            _WEBHOOK | {"TESSERA_MOBILE_SENDER": "webhook", "TESSERA_EMAIL_SENDER": "webhook"},
            WebhookSender,
            WebhookSender,
        ),
    ],
)
def test_each_type_of_address_has_its_own(environ: dict[str, str], mobile: type, email: type) -> None:
    senders = chosen(settings(**environ), ConsoleSender(Path()))
    assert isinstance(senders.of("mobile"), mobile)
    assert isinstance(senders.of("email"), email)
    assert "SECRET" not in repr(settings(**environ))


async def test_without_one_nothing_is_sent() -> None:
    senders = chosen(settings(TESSERA_MOBILE_SENDER="console", TESSERA_LOG_FORMAT="console"), ConsoleSender(Path()))
    senders.check("mobile")
    for type_ in ("email", "ding"):
        with pytest.raises(Unavailable, match=type_):
            senders.check(type_)
    with pytest.raises(Unavailable):
        await senders.send(message())


@pytest.mark.parametrize(
    ("environ", "problem"),
    [
        (
            {"TESSERA_MOBILE_SENDER": "smtp"},
            "TESSERA_MOBILE_SENDER: 'smtp' is not one of none, console, alibaba_sms, webhook",
        ),
        ({"TESSERA_EMAIL_SENDER": "smtp"}, "TESSERA_EMAIL_SENDER: smtp needs TESSERA_SMTP_ADDRESS, TESSERA_SMTP_FROM"),
        (_SMTP | {"TESSERA_SMTP_FROM": ""}, "TESSERA_EMAIL_SENDER: smtp needs TESSERA_SMTP_FROM"),
        (_SMTP | {"TESSERA_SMTP_FROM": "a@b.de, c@d.de"}, "TESSERA_SMTP_FROM: 'a@b.de, c@d.de' is not an address, or"),
        (_SMTP | {"TESSERA_SMTP_FROM": "A\nBcc: x <a@b.de>"}, "is not an address, or: Name <address>"),
        (_SMTP | {"TESSERA_SMTP_TLS": "none"}, "TESSERA_SMTP_TLS: none is for this machine alone"),
        (_SMTP | {"TESSERA_SMTP_USER": "u"}, "TESSERA_SMTP_USER: there is to be a user with a password, or neither"),
        (
            {"TESSERA_MOBILE_SENDER": "alibaba_sms"},
            (
                "TESSERA_MOBILE_SENDER: alibaba_sms needs TESSERA_ALIBABA_SMS_ACCESS_KEY_ID, "
                "TESSERA_ALIBABA_SMS_ACCESS_KEY_SECRET, TESSERA_ALIBABA_SMS_SIGN_NAME, "
                "TESSERA_ALIBABA_SMS_TEMPLATE_CODE"
            ),
        ),
        (
            _SMS | {"TESSERA_ALIBABA_SMS_ENDPOINT": "http://example.com"},
            "is not an https URL, or an http one of this machine",
        ),
        ({"TESSERA_EMAIL_SENDER": "webhook"}, "webhook needs TESSERA_WEBHOOK_URL, TESSERA_WEBHOOK_SECRET"),
        (_WEBHOOK | {"TESSERA_WEBHOOK_URL": "http://example.com"}, "is not an https URL"),
        (
            _WEBHOOK | {"TESSERA_WEBHOOK_SECRET": "SECRET"},
            "TESSERA_WEBHOOK_SECRET: its value is not 32 characters or more",
        ),
    ],
)
def test_wrong_settings_are_one_line(environ: dict[str, str], problem: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings(**environ)
    [line] = caught.value.problems
    assert problem in line
    assert "SECRET" not in line.replace("_SECRET", "")
