"""Identity providers of projects: how their keys are had, and how their tokens are verified.

A token is verified with the provider that is registered under the name that the caller said, by keys that are that
provider's. What the token itself says of issuer or keys is compared, and never followed.
"""

from services.account.providers.keys import ProviderKeys
from services.account.providers.tokens import verify

__all__ = ["ProviderKeys", "verify"]
