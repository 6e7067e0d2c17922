"""Settings of the account service."""

from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from services.runtime.env import setting
from services.runtime.server import FollowerSettings
from services.runtime.vault import MasterKey


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


@dataclass(frozen=True, kw_only=True)
class AccountSettings(FollowerSettings):
    """What the account service is told by its environment, beside what every service is told that follows token."""

    client_id: str = setting("id of this service's identity at token, as bootstrap printed it")
    client_key: ClientKey = setting("private key of that identity, P-256 in PEM; hand it over as a file", secret=True)
    domain_id: str = setting("domain that this identity belongs to", default="bj1")
    master_key: MasterKey = setting(
        "encrypts secrets of user systems at rest: 32 bytes in base64, another than token's", secret=True
    )
    code_sender: str = setting(
        "how codes reach people: none, they are refused; console, shown on standard error, for a terminal alone",
        default="none",
        choices=("none", "console"),
    )

    def problems(self) -> list[str]:
        """Settings that contradict each other."""
        found = super().problems()
        if self.code_sender == "console" and self.log_format != "console":
            # What machines read is kept and forwarded, and so would be the codes.
            found.append("TESSERA_CODE_SENDER: console needs TESSERA_LOG_FORMAT=console")
        return found
