"""Calls Tessera by gRPC, for services inside.

    async with (
        open_channel("token:50051") as token,
        open_channel("account:50052", access_tokens=AccessTokens(token, ClientSecret(client_id, secret))) as account,
    ):
        link = await AccountServiceStub(account).GetLinkInfo(GetLinkInfoRequest(type="mobile", identity="13900001234"))

The stubs are the generated ones, with their types. What the channel adds to every call: the caller's access token, a
deadline, the request's id, further tries of what the contract says may be repeated, and errors as classes (`errors`).
"""

from tessera.client.channel import open_channel
from tessera.client.credentials import ClientSecret, Credential, PrivateKeyJwt
from tessera.client.failure import TesseraError
from tessera.client.tokens import AccessTokens

__all__ = ["AccessTokens", "ClientSecret", "Credential", "PrivateKeyJwt", "TesseraError", "open_channel"]
