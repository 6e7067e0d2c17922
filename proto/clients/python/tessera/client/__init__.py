"""Calls Tessera by gRPC, for services inside.

    async with (
        open_channel("token:50051") as token,
        open_channel("account:50052", access_tokens=AccessTokens(token, ClientSecret(client_id, secret))) as account,
    ):
        link = await AccountServiceStub(account).GetLinkInfo(GetLinkInfoRequest(type="mobile", identity="13900001234"))

The stubs are the generated ones, with their types. What the channel adds to every call: the caller's access token, a
deadline, the request's id, further tries of what the contract says may be repeated, and errors as classes (`errors`).

A stream is read with `async for`; it has no deadline of its own, and raises the same errors. Who reads it begins again
when it ends, with the cursor of the last message that was dealt with, and after a pause where the error is `retryable`:

    stream = UserFeedServiceStub(token).WatchUsers(WatchUsersRequest(cursor=cursor))
    async for message in stream:
        ...
        cursor = message.cursor

`stream.cancel()` ends one that is read no further.
"""

from tessera.client.certificates import Certificates
from tessera.client.channel import open_channel
from tessera.client.credentials import ClientSecret, Credential, PrivateKeyJwt
from tessera.client.failure import TesseraError
from tessera.client.tokens import AccessTokens

__all__ = [
    "AccessTokens",
    "Certificates",
    "ClientSecret",
    "Credential",
    "PrivateKeyJwt",
    "TesseraError",
    "open_channel",
]
