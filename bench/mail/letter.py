"""The edition that is sent: 45 KB of HTML in some thirty tables, a text part, and for each reader
a name, two links, an address and a sentence about choices."""

from collections.abc import Iterator
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from standfirst.newsletters.delivery import headers
from standfirst.newsletters.delivery.dkim import Signer
from standfirst.newsletters.delivery.message import Compiled, Head, compile_letter
from standfirst.newsletters.delivery.road import Outgoing
from standfirst.newsletters.slots import WORDS

HOST = "magazine.example"
SENDER = f"bounces@{HOST}"
SUBJECT = "The Daily Review: what the harbour costs, and who pays for it"
HEAD = Head(
    f"post@{HOST}", "The Meridian", reply_to=f"letters@{HOST}", list_name="The Daily Review",
    list_host=f"daily.{HOST}",
)  # fmt: skip
CELL = "margin:0;padding:0 24px 16px;font-family:Georgia,'Times New Roman',serif;font-size:17px"
SENTENCE = (
    "The port’s council says the quay will be paid for by those who use it; its books do not. "
)
STORY = f"""<table role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0">
<tr><td style="{CELL};line-height:1.5;color:#1d1d1b"><a href="https://{HOST}/2026/11/the-harbour/"
style="color:#8a2432;text-decoration:none;font-weight:bold">What the harbour costs</a></td></tr>
<tr><td style="{CELL};line-height:1.6">{SENTENCE * 10}</td></tr>
</table>
"""
HTML = f"""<!doctype html><html lang="en"><body style="margin:0;background:#f6f3ee">
<p style="{CELL}">{WORDS["greeting"]}.</p>
{STORY * 32}<p style="{CELL}">{WORDS["choices"]}</p>
<p style="{CELL}">This letter went to {WORDS["address"]}. <a href="{WORDS["preferences"]}">Your
letters</a> · <a href="{WORDS["unsubscribe"]}">No more of these</a></p></body></html>
"""
TEXT = f"""{WORDS["greeting"]}.

{(SENTENCE + chr(10)) * 70}
{WORDS["choices"]}
This letter went to {WORDS["address"]}.
Your letters: {WORDS["preferences"]}
No more of these: {WORDS["unsubscribe"]}
"""
CHOICES = "Two of your three choices are left until 1 December."
NAMES = ("Ada", "Grace", "Jörg", "Mary-Jane", "Ibn", "Søren", "Li", "Chimamanda")


def signer() -> Signer:
    """With a key of 2,048 bits made now."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Signer(HOST, "bench", pem)


def compiled(*, signed: bool) -> Compiled:
    return compile_letter(SUBJECT, HTML, TEXT, HEAD, [signer()] if signed else [])


def values(number: int) -> dict[str, str]:
    """What stands in the slots for one reader."""
    token = f"{number:064x}"
    return {
        "greeting": f"Good morning, {NAMES[number % len(NAMES)]}",
        "address": f"reader{number}@home.example",
        "choices": CHOICES,
        "preferences": f"https://{HOST}/letters/{token}/",
        "unsubscribe": f"https://{HOST}/letters/off/{token}/",
    }


def letters(many: int, *, signed: bool) -> Iterator[Outgoing]:
    """So many finished letters, made when they are asked for."""
    letter, date = compiled(signed=signed), headers.date(datetime.now(UTC))
    for number in range(1, many + 1):
        address = f"reader{number}@home.example"
        message_id = f"<d{number}.b@{HOST}>"
        name = f"{NAMES[number % len(NAMES)]} Reader"
        body = letter.body_for(values(number), name, address, message_id, date)
        yield Outgoing(number, address, body, dotless=True)
