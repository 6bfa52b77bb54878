"""Which addresses, names and codes can be: plain values in, plain values or a sentence out."""

import re
import unicodedata
from collections.abc import Collection

ADDRESS_LENGTH = 254  # RFC 5321: what fits into a mail's envelope
LOCAL_LENGTH = 64
NAME_LENGTH = 120
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # RFC 8628: no vowels, so that no words come about
CODE_LENGTH = 8

_DOTTED_NUMBERS = re.compile(r"\d+(\.\d+){3}")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_ATOM = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")

INCOMPLETE = "This is not a complete e-mail address. Write it like name@example.org."


class Unusable(ValueError):  # noqa: N818
    """Something typed that cannot be used; the text is a sentence for whoever typed it."""


def address_from(typed: str, refused: Collection[str] = ()) -> str:
    """The address in the one form it is kept in: lower case, its domain in ASCII (IDNA).

    `refused` are domains, in lower case, whose mailboxes are thrown away; those below them count
    too. Raises Unusable with a sentence.
    """
    text = typed.strip(" \t\r\n")
    if not text:
        raise Unusable("Please type your e-mail address.")
    if any(unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp", "Zs"} for c in text):
        raise Unusable("An e-mail address has no blanks, line ends or invisible characters in it.")
    local, sign, domain = text.rpartition("@")
    if '"' in local:
        raise Unusable("Addresses with quotation marks are not accepted here. Is there another?")
    if not sign or "@" in local:
        raise Unusable(INCOMPLETE)
    if len(text) > ADDRESS_LENGTH or len(local) > LOCAL_LENGTH:
        raise Unusable("This is too long for an e-mail address.")
    if domain.startswith("[") or _DOTTED_NUMBERS.fullmatch(domain):
        raise Unusable("The part after the @ must be a name, such as example.org, not a number.")
    # Compared before lower-casing: some foreign letters have a plain one as their lower case.
    if not local.isascii():
        raise Unusable("Before the @ only plain letters, figures and signs can be used.")
    local, domain = local.lower(), _ascii_domain(domain)
    labels = domain.split(".")
    if not _ATOM.fullmatch(local) or len(labels) < 2 or labels[-1].isdigit():
        raise Unusable(INCOMPLETE)
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise Unusable(INCOMPLETE)
    if len(local) + 1 + len(domain) > ADDRESS_LENGTH:
        raise Unusable("This is too long for an e-mail address.")
    if any(".".join(labels[i:]) in refused for i in range(len(labels) - 1)):
        raise Unusable(
            f"Mailboxes at {domain} are thrown away after a while, and your articles would be "
            "lost with it. Please use an address that you keep."
        )
    return f"{local}@{domain}"


def _ascii_domain(domain: str) -> str:
    try:
        return domain.encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        raise Unusable(INCOMPLETE) from error


def name_from(typed: str) -> str:
    """A name as it is kept: any script and emoji, one line. Raises Unusable with a sentence."""
    text = unicodedata.normalize("NFC", typed.strip())
    # Joiners and marks of direction are part of many names and emoji; other controls are not.
    if any(unicodedata.category(c) in {"Cc", "Zl", "Zp", "Cs"} for c in text):
        raise Unusable("A name is one line without control characters.")
    if len(text) > NAME_LENGTH:
        raise Unusable(f"A name can have at most {NAME_LENGTH} characters.")
    return text


def password_objection(password: str, address: str) -> str | None:
    """Why this password gives itself away to whoever knows the address; None if it does not."""
    given, known = password.casefold(), address.casefold()
    local = known.partition("@")[0]
    if given in {known, local} or (len(local) > 3 and given.strip("0123456789!.-_") == local):
        return "Your password must not be your address. Choose another, or leave it empty."
    if "\0" in password:
        return "A password cannot hold the character NUL."
    return None


def code_from(digest: bytes) -> str:
    """A code to read and type, such as JWKT-CHXH, from at least 16 bytes of a keyed hash."""
    number = int.from_bytes(digest[:16], "big")
    letters = []
    for _ in range(CODE_LENGTH):
        number, place = divmod(number, len(LETTERS))
        letters.append(LETTERS[place])
    return "".join(letters[:4]) + "-" + "".join(letters[4:])


def as_typed_code(text: str) -> str:
    """A typed code in the form of `code_from`: blanks, dashes and small letters do not matter."""
    letters = "".join(c for c in text.upper() if c in LETTERS)
    return f"{letters[:4]}-{letters[4:]}"
