"""The certificates by which gateway and services know each other: an authority of one's own, and one for each of them.

Each certificate names its process twice: as `spiffe://DOMAIN/NAME`, by which it is let in and let answer, and as the
host name `NAME`, which clients that know no SPIFFE compare. Keys are P-256.
"""

import datetime as dt
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

TRUST_DOMAIN = "tessera"
AUTHORITY_LIFETIME = dt.timedelta(days=3650)
LIFETIME = dt.timedelta(days=365)
# A clock that is behind takes what was made just now.
_BEFORE = dt.timedelta(hours=1)


@dataclass(frozen=True)
class Issued:
    """A certificate and its private key, both in PEM."""

    certificate: str
    key: str


def make_authority() -> Issued:
    """An authority that signs certificates of processes, and of no further authorities."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Tessera's own authority")])
    builder = (
        _began(AUTHORITY_LIFETIME)
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return _issued(builder, key, key)


def issue(authority: Issued, name: str, lifetime: dt.timedelta = LIFETIME) -> Issued:
    """A certificate of a process, for both ends of a connection.

    Args:
        authority: signs it.
        name: of the process: `gateway`, `token`, …
        lifetime: how long it is good; one that is over is made by a negative one.

    Raises:
        ValueError: the authority's files are not its certificate and its key.
    """
    signer = x509.load_pem_x509_certificate(authority.certificate.encode())
    signing = load_pem_private_key(authority.key.encode(), password=None)
    if not isinstance(signing, ec.EllipticCurvePrivateKey) or signing.public_key() != signer.public_key():
        msg = "the authority's key is not its certificate's"
        raise ValueError(msg)
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.UniformResourceIdentifier(f"spiffe://{TRUST_DOMAIN}/{name}"), x509.DNSName(name)]
    uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    builder = (
        _began(lifetime)
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(signer.subject)
        .public_key(key.public_key())
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
    )
    return _issued(builder, key, signing)


def _began(lifetime: dt.timedelta) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder().serial_number(x509.random_serial_number())
    return builder.not_valid_before(min(now, now + lifetime) - _BEFORE).not_valid_after(now + lifetime)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _issued(
    builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey, signing: ec.EllipticCurvePrivateKey
) -> Issued:
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return Issued(builder.sign(signing, hashes.SHA256()).public_bytes(Encoding.PEM).decode(), private)
