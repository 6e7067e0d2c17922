"""What a message says, in English and Chinese, whichever way it goes."""

from services.account.senders import Message

_MAX_NAME_CHARS = 64

_TEXTS = {
    (
        "en",
        "link",
    ): "{code} is your code to link to your account{to}. It expires in {minutes} minutes. Do not share it with anyone.",
    ("en", "logon"): "{code} is your code to log on{to}. It expires in {minutes} minutes. Do not share it with anyone.",
    ("zh", "link"): "{code} 是您关联账号{to}的验证码，{minutes} 分钟内有效，请勿泄露给他人。",
    ("zh", "logon"): "{code} 是您登录{to}的验证码，{minutes} 分钟内有效，请勿泄露给他人。",
}
# Without a name, and with one.
_SUBJECTS = {"en": ("Your code", "Your code for {name}"), "zh": ("您的验证码", "「{name}」的验证码")}
# What is said of the app, where it has a name.
_TO = {
    ("en", "link"): " at {name}",
    ("en", "logon"): " to {name}",
    ("zh", "link"): "到「{name}」",
    ("zh", "logon"): "「{name}」",
}


def text_of(message: Message) -> str:
    """The message as one line, the code first."""
    kind = (message.language, message.purpose)
    return _TEXTS[kind].format(code=message.code, minutes=message.minutes, to=_to(message))


def subject_of(message: Message) -> str:
    """The subject of a mail, without the code: it is shown where others look on, too."""
    nameless, named = _SUBJECTS[message.language]
    name = _name(message)
    return named.format(name=name) if name else nameless


def _to(message: Message) -> str:
    name = _name(message)
    return _TO[message.language, message.purpose].format(name=name) if name else ""


def _name(message: Message) -> str:
    """One line, whatever the name is made of."""
    printable = "".join(each if each.isprintable() else " " for each in message.name)
    return " ".join(printable.split())[:_MAX_NAME_CHARS]
