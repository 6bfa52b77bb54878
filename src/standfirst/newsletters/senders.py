"""Who sends the magazine's mail: the addresses of its newsletters, and the key that signs."""

from base64 import b64encode
from collections.abc import Iterator
from email.utils import parseaddr
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from django.conf import settings

from standfirst.newsletters.delivery.addresses import named, on_the_wire
from standfirst.newsletters.delivery.headers import clean
from standfirst.newsletters.delivery.in_use import road_in_use
from standfirst.newsletters.doctor import Key, Sender, public_addresses
from standfirst.newsletters.doctor.rules import Zone
from standfirst.newsletters.models import MailSettings, Newsletter
from standfirst.publication.queries import the_publication


def sender_of(newsletter: Newsletter | None) -> tuple[str, str]:
    """The name and address in From: the newsletter's own, else that of all newsletters, else the
    magazine's (EMAIL_FROM). The address's domain is in ASCII, as Message-IDs and signatures want
    it."""
    shared = MailSettings.load()
    name, address = parseaddr(settings.DEFAULT_FROM_EMAIL)
    own = newsletter or Newsletter()
    return (
        own.sender_name or shared.sender_name or name or the_publication().name,
        on_the_wire(own.sender_address or shared.sender_address or address),
    )


def reply_to_of(newsletter: Newsletter | None) -> str:
    """Where answers go to, or "" for the sender."""
    own = newsletter.reply_to if newsletter else ""
    return own or MailSettings.load().reply_to or the_publication().contact


def bounces_to(address: str) -> str:
    """The envelope's sender for mail from an address."""
    return settings.MAIL_BOUNCES or address


def from_header(newsletter: Newsletter | None) -> str:
    """What `sender_of` says, as one text that `parseaddr` takes apart again. The name stands there
    as people write it: whoever makes a header of it encodes it."""
    name, address = sender_of(newsletter)
    return named(clean(name), address)


def key_for(address: str) -> Key | None:
    """The key that signs mail from an address, as the DNS is to say it; None where the relay signs.
    Raises OSError and ValueError for a file that cannot be read or holds no key of a kind that
    signs mail (RSA, RFC 6376; Ed25519, RFC 8463)."""
    if not settings.DKIM_KEY:
        return None
    public = load_pem_private_key(Path(settings.DKIM_KEY).read_bytes(), None).public_key()
    kind, form, bits = "rsa", PublicFormat.SubjectPublicKeyInfo, 0
    encoding = Encoding.DER
    if isinstance(public, Ed25519PublicKey):
        kind, form, encoding = "ed25519", PublicFormat.Raw, Encoding.Raw
    elif isinstance(public, RSAPublicKey):
        bits = public.key_size
    else:
        raise ValueError("it is neither an RSA nor an Ed25519 key")
    said = b64encode(public.public_bytes(encoding, form)).decode()
    selector = settings.DKIM_SELECTOR
    return Key(domain=domain_of(address), selector=selector, public=said, kind=kind, bits=bits)


def senders_to_examine(zone: Zone, author: str | None, leaves_from: list[str]) -> Iterator[Sender]:
    """What `mail doctor` looks at: one address, or each that a newsletter or the magazine is sent
    from, one for each domain. `leaves_from` in place of the relay's own addresses."""
    provider = road_in_use() if settings.EMAIL_BACKEND.startswith("anymail.") else ""
    relay = settings.EMAIL_HOST if "smtp" in settings.EMAIL_BACKEND else ""
    # Alerts, new choices and the welcome are no newsletter's.
    all_of_them = (*Newsletter.objects.all(), None)
    addresses = [author] if author else [sender_of(one)[1] for one in all_of_them]
    seen: set[str] = set()
    for address in addresses:
        if (domain := domain_of(address)) in seen:
            continue
        seen.add(domain)
        yield Sender(
            author=domain,
            envelope=domain_of(bounces_to(address)),
            key=None if provider else key_for(address),
            relay=relay,
            provider=provider,
            addresses=leaves_from or (public_addresses(zone, relay) if relay else []),
        )


def domain_of(address: str) -> str:
    """The part behind the @, in small letters."""
    return address.rpartition("@")[2].lower()
