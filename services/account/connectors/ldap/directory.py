"""A connection to a directory, by ldap3, and the bounds that hold however the directory behaves.

The library is synchronous: all of this runs in threads that may block, each operation until a moment that is given by
`time.monotonic()`. A password is sent over TLS alone, after the certificate was verified for the name in the settings.
"""

import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

import httpx
import ldap3
from ldap3.core import exceptions, results

CONNECT_SECONDS = 3.0
OPERATION_SECONDS = 5.0
MAX_BYTES = 64 * 1024
"""What a directory may answer to one operation."""

_PORTS = {"ldap": 389, "ldaps": 636}

# A bind that ends so says nothing of the person, but of the directory, or of how we speak to it.
_TROUBLED = {
    results.RESULT_OPERATIONS_ERROR,
    results.RESULT_PROTOCOL_ERROR,
    results.RESULT_TIME_LIMIT_EXCEEDED,
    results.RESULT_AUTH_METHOD_NOT_SUPPORTED,
    results.RESULT_STRONGER_AUTH_REQUIRED,
    results.RESULT_ADMIN_LIMIT_EXCEEDED,
    results.RESULT_CONFIDENTIALITY_REQUIRED,
    results.RESULT_BUSY,
    results.RESULT_UNAVAILABLE,
    results.RESULT_OTHER,
}
# Their texts are the network's. Those of others may quote what was to be sent.
_SPEAKING = (exceptions.LDAPCommunicationError, OSError)


class DirectoryError(Exception):
    """A directory cannot be used as it is set up; the text is a sentence for who set it up, without any secret."""


class DirectoryLost(DirectoryError):
    """A connection ended, or makes no sense any more. On a new one all may be well."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a directory is, and whether TLS begins at once (`ldaps`) or after StartTLS."""

    host: str
    port: int
    ldaps: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `ldaps://host[:port]` or `ldap://host[:port]`. Raises `DirectoryError`."""
        msg = "The URL is neither ldaps://host[:port] nor ldap://host[:port]."
        try:
            url = httpx.URL(text)
        except (httpx.InvalidURL, TypeError) as error:
            raise DirectoryError(msg) from error
        if url.scheme not in _PORTS or not url.host or url.userinfo or url.query or url.fragment or url.path != "/":
            raise DirectoryError(msg)
        # As `fetch` does: the host by today's rules for international names.
        return cls(url.raw_host.decode(), url.port or _PORTS[url.scheme], url.scheme == "ldaps")

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry that was found: its name, and the values of the attributes that were asked for."""

    dn: str
    attributes: Mapping[str, list[bytes] | None]

    def values(self, attribute: str) -> list[bytes]:
        """Of an attribute, whose name counts without case; none: there is no such attribute, or none may be read."""
        return self.attributes.get(attribute) or []


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found; `more`: the directory knows of more than it may tell."""

    entries: list[Entry]
    more: bool


def trusting(ca_pem: str) -> ssl.SSLContext:
    """TLS with whom the certificates vouch for; without any, whom this machine believes. Raises `DirectoryError`."""
    if not ca_pem:
        return _trusting_this_machine()
    try:
        return ssl.create_default_context(cadata=ca_pem)
    except (ssl.SSLError, ValueError) as error:
        msg = "The certificates of those who vouch for the directory's (ca_pem) are none."
        raise DirectoryError(msg) from error


@cache
def _trusting_this_machine() -> ssl.SSLContext:
    # Made once: it reads more than a hundred certificates.
    return ssl.create_default_context()


def seconds_until(moment: float) -> float:
    """Until a moment of `time.monotonic()`. Raises `TimeoutError` where it has passed."""
    seconds = moment - time.monotonic()
    if seconds <= 0:
        msg = "timed out"
        raise TimeoutError(msg)
    return seconds


class _Bound:
    """Until when an operation waits, and how much more of its answer is read."""

    def __init__(self) -> None:
        self._until = 0.0
        self._bytes = 0

    def begin(self, until: float) -> None:
        """A new operation."""
        self._until = min(until, time.monotonic() + OPERATION_SECONDS)
        self._bytes = MAX_BYTES

    @property
    def seconds(self) -> float:
        """Raises `TimeoutError`."""
        return seconds_until(self._until)

    def allow(self, size: int) -> int:
        """How much of so much may be read. Raises `OSError`."""
        if not self._bytes:
            msg = f"more than {MAX_BYTES} bytes"
            raise OSError(msg)
        return min(size, self._bytes)

    def took(self, size: int) -> None:
        """So much was read."""
        self._bytes -= size


class _BoundedSocket:
    """As much of a socket as the library uses, within a bound; its own timeouts begin anew with every packet."""

    def __init__(self, inner: socket.socket, bound: _Bound) -> None:
        self.inner = inner
        self._bound = bound

    def recv(self, size: int) -> bytes:
        size = self._bound.allow(size)
        self.inner.settimeout(self._bound.seconds)
        data = self.inner.recv(size)
        self._bound.took(len(data))
        return data

    def sendall(self, data: bytes) -> None:
        self.inner.settimeout(self._bound.seconds)
        self.inner.sendall(data)

    def close(self) -> None:
        self.inner.close()


class _Tls(ldap3.Tls):  # type: ignore[misc]
    """TLS as Python does it, with the name in the settings, wherever the connection goes.

    The library's own would compare the host that it connects to, which is an address here.
    """

    def __init__(self, context: ssl.SSLContext, name: str, bound: _Bound) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._context = context
        self._name = name
        self._bound = bound
        self.disbelief = ""

    def start_tls(self, connection: Any) -> Any:
        """StartTLS (RFC 4511 section 4.14); also what is read before TLS is bounded."""
        connection.socket = _BoundedSocket(connection.socket, self._bound)
        return super().start_tls(connection)

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        """Make TLS of a connection."""
        plain = connection.socket
        if isinstance(plain, _BoundedSocket):
            plain = plain.inner
        # What follows the handshake does not wait until that is acknowledged, which takes the other side 40 ms.
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # The handshake as a whole has that long.
        plain.settimeout(self._bound.seconds)
        try:
            wrapped = self._context.wrap_socket(plain, server_hostname=self._name)
        except ssl.SSLCertVerificationError as error:
            # What becomes of it in the library does not say why any more.
            self.disbelief = error.verify_message
            raise
        connection.socket = _BoundedSocket(wrapped, self._bound)


class Connection:
    """A connection over TLS. Used by one thread at a time; who it is bound as, its user knows.

    Args:
        place: where the directory is, as the settings have it.
        address: the IP address of it.
        context: whose certificates are believed.
        until: when to give up.

    Raises:
        DirectoryError: it cannot be had.
    """

    def __init__(self, place: Place, address: str, context: ssl.SSLContext, until: float) -> None:
        self._place = place
        self._bound = _Bound()
        self._tls = _Tls(context, place.host, self._bound)
        self._bound.begin(until)
        server = ldap3.Server(
            address,
            port=place.port,
            use_ssl=place.ldaps,
            tls=self._tls,
            get_info=ldap3.NONE,
            connect_timeout=min(CONNECT_SECONDS, max(until - time.monotonic(), 0.001)),
            allowed_referral_hosts=[],
        )
        # Nothing of what the library does by itself: it would follow referrals with the password, ask again for the
        # rest of long attributes, and escape what is escaped.
        self._connection = ldap3.Connection(
            server,
            auto_bind=ldap3.AUTO_BIND_NONE,
            auto_referrals=False,
            auto_range=False,
            auto_escape=False,
            check_names=False,
            return_empty_attributes=False,
            read_only=True,
        )
        try:
            self._open(f"{place} ({address})", until)
        except DirectoryError:
            self.close()
            raise

    def _open(self, where: str, until: float) -> None:
        try:
            self._connection.open(read_server_info=False)
            if not self._place.ldaps:
                self._bound.begin(until)
                self._connection.start_tls(read_server_info=False)
        except Exception as error:  # noqa: BLE001 the library reads what a stranger wrote, and fails as it comes
            raise DirectoryError(self._problem(error, where)) from None

    def _problem(self, error: Exception, where: str) -> str:
        if self._tls.disbelief:
            return f"The certificate of {where} is not believed: {self._tls.disbelief}."
        if isinstance(error, ssl.SSLError):
            return f"What listens at {where} does not speak TLS as we do."
        if isinstance(error, exceptions.LDAPStartTLSError):
            return f"The directory at {where} does not offer StartTLS."
        if isinstance(error, ConnectionRefusedError):
            return f"Nothing listens at {where}: the connection was refused."
        if isinstance(error, TimeoutError):
            return f"Nobody answers at {where}."
        return f"No connection to {where}: {_said(error)}."

    def close(self) -> None:
        """End it. Never waits."""
        connection = self._connection
        # The library closes nothing of a connection that it could not open.
        if connection.socket:
            connection.socket.close()
        connection.closed, connection.listening = True, False

    def bind(self, dn: str, password: str, until: float) -> bool:
        """Whether a password is that of an entry (RFC 4513 section 5.1.3).

        Args:
            dn: of the entry. Not empty, and neither is the password: an empty one would be let in as nobody (section
                5.1.2).
            password: sent as it was typed, as other clients do. The library would make other characters of some, and
                refuse others (SASLprep).
            until: when to give up.

        Raises:
            DirectoryError: the directory says neither.
        """
        if not dn or not password:
            msg = "a bind with neither name nor password proves nobody"
            raise ValueError(msg)
        connection = self._connection
        connection.user, connection.password, connection.authentication = dn, password.encode(), ldap3.SIMPLE
        try:
            with self._operation(until):
                connection.bind(read_server_info=False)
                code, said = connection.result["result"], connection.result["description"]
        finally:
            connection.password = connection.request = None
        if code in _TROUBLED:
            msg = f"The directory answers a bind with {said}."
            raise DirectoryError(msg)
        return bool(code == results.RESULT_SUCCESS)

    def search(self, base: str, filter_: str, attributes: list[str], limit: int, until: float) -> Found:
        """Search a base and all below it.

        Args:
            base: its DN.
            filter_: as RFC 4515 has it.
            attributes: that are wanted.
            limit: of entries.
            until: when to give up.

        Raises:
            DirectoryError: the base is not there, or the directory refuses.
        """
        return self._search(base, filter_, attributes, until, scope=ldap3.SUBTREE, limit=limit)

    def look_at(self, base: str, until: float) -> None:
        """See whether an entry is there. Raises as `search`."""
        self._search(base, "(objectClass=*)", [ldap3.NO_ATTRIBUTES], until, scope=ldap3.BASE, limit=1)

    def _search(self, base: str, filter_: str, attributes: list[str], until: float, *, scope: str, limit: int) -> Found:
        with self._operation(until):
            self._connection.search(
                base,
                filter_,
                search_scope=scope,
                dereference_aliases=ldap3.DEREF_NEVER,
                attributes=attributes,
                size_limit=limit,
                time_limit=int(OPERATION_SECONDS),
            )
            # References to other directories are among them, and not followed.
            entries = [
                Entry(each["raw_dn"].decode(), each["raw_attributes"])
                for each in self._connection.response
                if each["type"] == "searchResEntry"
            ]
            result = self._connection.result
            code, said = result["result"], result["description"]
        if code in (results.RESULT_SUCCESS, results.RESULT_SIZE_LIMIT_EXCEEDED):
            return Found(entries, more=code == results.RESULT_SIZE_LIMIT_EXCEEDED)
        if code == results.RESULT_NO_SUCH_OBJECT:
            msg = f"The base DN {base} is not there, or may not be searched by who searches."
        elif code == results.RESULT_INVALID_DN_SYNTAX:
            msg = f"The base DN {base} is no DN."
        else:
            msg = f"The directory answers a search with {said}."
        raise DirectoryError(msg)

    @contextmanager
    def _operation(self, until: float) -> Iterator[None]:
        self._bound.begin(until)
        try:
            yield
        except Exception as error:  # noqa: BLE001 as above
            self.close()
            msg = f"The directory at {self._place} did not answer, or not as one does: {_said(error)}."
            raise DirectoryLost(msg) from None


def _said(error: Exception) -> str:
    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, _SPEAKING) else name
