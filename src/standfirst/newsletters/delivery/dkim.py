"""DKIM signatures (RFC 6376), relaxed/relaxed, by RSA (rsa-sha256) or Ed25519 (RFC 8463). It
imports no framework.

The signature itself is nine tenths of the cost, so what is the same in all letters is made once.
"""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

# Signed where a letter has them (RFC 6376 §5.4.1; RFC 8058 §4 asks for the two of unsubscribing).
_NAMES = (
    b"From", b"Reply-To", b"To", b"Subject", b"Date", b"Message-ID", b"List-Id",
    b"List-Unsubscribe", b"List-Unsubscribe-Post", b"Auto-Submitted", b"MIME-Version",
    b"Content-Type",
)  # fmt: skip
SIGNED = {name.lower(): name for name in _NAMES}
# Signed once more than there are, so that nobody adds another on the way.
NO_MORE = (b"From", b"Reply-To", b"To", b"Subject", b"Date")
_PADDING, _HASH = PKCS1v15(), SHA256()
_BLANKS = re.compile(rb"[ \t]+")
_LABELS = re.compile(
    r"[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)


class BadKey(ValueError):  # noqa: N818
    """What was given cannot sign; the text says what is needed."""


class Signer:
    """Signs for `selector`._domainkey.`domain`, with a private key in PEM.

    Raises BadKey."""

    def __init__(self, domain: str, selector: str, pem: bytes) -> None:
        if not (_LABELS.fullmatch(domain) and _LABELS.fullmatch(selector)):
            raise BadKey(
                f"DKIM signs for a domain and a selector in ASCII, not {domain!r} and {selector!r}."
            )
        try:
            key = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise BadKey(
                "The DKIM key is no private key in PEM without a password. Make one with:"
                " openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048"
            ) from error
        if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
            raise BadKey("The DKIM key is neither RSA nor Ed25519: mail servers know no other.")
        if isinstance(key, RSAPrivateKey) and key.key_size < 1024:
            raise BadKey(f"A DKIM key of {key.key_size} bits is believed by nobody; take 2048.")
        self._key = key
        algorithm = "rsa" if isinstance(key, RSAPrivateKey) else "ed25519"
        self._opening = (
            f"DKIM-Signature: v=1; a={algorithm}-sha256; c=relaxed/relaxed;\r\n"
            f" d={domain.lower()}; s={selector};\r\n"
        ).encode()
        self._frame = lru_cache(maxsize=64)(self._make_frame)

    def sign(self, message: bytes) -> bytes:
        """Any message with CRLF line ends, and a signature in front of it."""
        head, _, body = message.partition(b"\r\n\r\n")
        return self.field(relaxed_fields(head), relaxed_body(body)) + message

    def field(self, fields: Mapping[bytes, Sequence[bytes]], body: bytes) -> bytes:
        """The DKIM-Signature, with its CRLF, for fields and a body that are relaxed already, as
        those of a compiled letter are."""
        signed, names = [], []
        for key, name in SIGNED.items():
            # The last of a name is signed first (§5.4.2).
            for value in reversed(fields.get(key, ())):
                names.append(name)
                signed.append(value)
        names += NO_MORE
        written, relaxed = self._frame(tuple(names))
        digest = b64encode(sha256(body).digest())
        signed.append(b"%b%b; b=" % (relaxed, digest))
        signature = b64encode(self._raw(b"\r\n".join(signed)))
        folded = b"\r\n ".join(signature[at : at + 72] for at in range(0, len(signature), 72))
        return b"%b%b;\r\n b=%b\r\n" % (written, digest, folded)

    def _raw(self, data: bytes) -> bytes:
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(data, _PADDING, _HASH)
        return self._key.sign(sha256(data).digest())

    def _make_frame(self, names: tuple[bytes, ...]) -> tuple[bytes, bytes]:
        """What stands before the body's hash: as it is written, and relaxed."""
        lines = [b""]
        for name in names:
            if len(lines[-1]) + len(name) > 65:
                lines.append(b"")
            lines[-1] += name + b":"
        listed = b"\r\n ".join(lines).rstrip(b":")
        written = b"%b h=%b;\r\n bh=" % (self._opening, listed)
        (relaxed,) = relaxed_fields(written)[b"dkim-signature"]
        return written, relaxed


def relaxed_fields(head: bytes) -> dict[bytes, list[bytes]]:
    """The fields of a head by their names in small letters, relaxed (§3.4.2), without CRLF."""
    head = head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
    if b"  " in head or b"\t" in head:
        head = _BLANKS.sub(b" ", head)
    found: dict[bytes, list[bytes]] = {}
    for line in head.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if colon:
            name = name.lower().rstrip()
            found.setdefault(name, []).append(b"%b:%b" % (name, value.strip(b" ")))
    return found


def relaxed_body(body: bytes) -> bytes:
    """§3.4.4: blanks made one, none at an end of line, no empty lines at the end."""
    lines = [_BLANKS.sub(b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    text = b"\r\n".join(lines).rstrip(b"\r\n")
    return text + b"\r\n" if text else b""
