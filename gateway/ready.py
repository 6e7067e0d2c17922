"""`python -m gateway.ready`: exits with 0 where the gateway beside it answers that all three services can serve.

The health check of its image, which is asked every few seconds: what it imports is little.
"""

import http.client
import os
import ssl
import sys
from collections.abc import Mapping

from services.runtime.env import Address

_TIMEOUT_SECONDS = 4


def ready(environ: Mapping[str, str]) -> bool:
    """Ask for /ready, on the port and in the way that callers are served by the same settings."""
    port = Address.parse(environ.get("TESSERA_GATEWAY_LISTEN", "127.0.0.1:8080")).port
    connection: http.client.HTTPConnection
    if environ.get("TESSERA_GATEWAY_TLS"):
        # Whose certificate it is does not matter: nothing is told, and nobody else listens here.
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS, context=context)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/ready")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not ready(os.environ))
