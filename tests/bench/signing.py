"""How fast this machine signs, and nothing else."""

import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

ALGORITHMS = ("RS256", "ES256")

# As long as an access token's head and claims.
_CONTENT = b"x" * 800


def seconds_per_signature(algorithm: str, seconds: float = 1.0) -> float:
    """CPU-seconds of this process for one signature of an access token's length."""
    if algorithm == "RS256":
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

        def sign() -> bytes:
            return key.sign(_CONTENT, padding.PKCS1v15(), hashes.SHA256())
    else:
        curve = ec.generate_private_key(ec.SECP256R1())

        def sign() -> bytes:
            return curve.sign(_CONTENT, ec.ECDSA(hashes.SHA256()))

    sign()
    count = 0
    started = time.process_time()
    while (took := time.process_time() - started) < seconds:
        for _ in range(50):
            sign()
        count += 50
    return took / count
