"""Sends codes by Alibaba Cloud's short messages (Dysmsapi 2017-05-25, SendSms)."""

import json
import ssl
from dataclasses import dataclass, field

from services.account.senders import Message, NoSuchCountry
from services.account.senders.acs3 import AccessKey, Call, signed
from services.account.senders.posting import post
from services.runtime.errors import Unavailable

_MAINLAND = "+86"


@dataclass(frozen=True, slots=True)
class AlibabaSms:
    """How short messages are sent.

    Args:
        endpoint: base URL of the API.
        access_key: who sends.
        sign_name: the signature that stands before each message, as it was approved.
        template_code: of the approved template, which has one variable, `code`.
        international_template_code: of the one for numbers outside the Chinese mainland, as the vendor wants another
            there; empty: they are sent nothing.
    """

    endpoint: str
    access_key: AccessKey = field(repr=False)
    sign_name: str
    template_code: str
    international_template_code: str = ""


class AlibabaSmsSender:
    """Sends each code as a short message; what it says stands in the vendor's template."""

    def __init__(self, how: AlibabaSms) -> None:
        self._how = how
        self._tls = ssl.create_default_context()

    def check(self, type_: str) -> None:
        """Whether a number can be sent to is seen when it is."""

    async def send(self, message: Message) -> None:
        """Send a code. Raises `Unavailable`."""
        number, template = self._number_and_template(message.address)
        query = {
            "PhoneNumbers": number,
            "SignName": self._how.sign_name,
            "TemplateCode": template,
            "TemplateParam": json.dumps({"code": message.code}, separators=(",", ":")),
        }
        url, headers = signed(Call(self._how.endpoint, "SendSms", "2017-05-25", query), self._how.access_key)
        answer = await post(url, self._tls, headers, b"")
        try:
            said = json.loads(answer.body)
            code = said["Code"]
        except (ValueError, LookupError, TypeError):
            code = "no JSON with a Code"
        # A refusal of the service itself has status 200, too.
        if answer.status != 200 or code != "OK":
            raise Unavailable("sender of codes", detail=f"SendSms answered {answer.status}, {str(code)[:100]}")

    def _number_and_template(self, address: str) -> tuple[str, str]:
        """A number as the API has it: without country code in the mainland, elsewhere with it and without a plus."""
        if address.startswith(_MAINLAND):
            return address.removeprefix(_MAINLAND), self._how.template_code
        if not self._how.international_template_code:
            raise NoSuchCountry("sender of codes", detail="no template for numbers outside the Chinese mainland")
        return address.removeprefix("+"), self._how.international_template_code
