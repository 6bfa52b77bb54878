"""A whole edition by each provider: the ledger, the sender's process, and the provider's interface
as its documentation describes it. Everybody gets one letter at the stand-in, or is named."""

from pathlib import Path
from typing import Any

import pytest

from standfirst.newsletters.delivery import sender
from standfirst.newsletters.delivery.process import send
from standfirst.newsletters.models import Delivery, DeliveryState, Rest, SendingState
from standfirst.newsletters.slots import WORD
from standfirst.project import environment
from tests.jsonserver import HANG_UP
from tests.letters_sent import assert_exact, begin_daily, left_over, reader, readers, states_of
from tests.making import subscribe
from tests.providers import INTERFACES, TOO_FAST, provider_running

pytestmark = pytest.mark.django_db(transaction=True)

URLS = {
    "mailgun": "mailgun://key@mag.example",
    "sparkpost": "sparkpost://key@",
    "mailjet": "mailjet://key:secret@",
    "brevo": "brevo://key@",
}
BAD = "refused@example.org"
HOSTILE = "<b>Eve</b> {{name}} %recipient.name% [[var:name]]"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender that ends soon after its work."""
    monkeypatch.setattr(sender, "IDLE", 0.05)
    monkeypatch.setattr(sender, "LOOKS", 0.02)


@pytest.mark.parametrize("name", list(INTERFACES))
def test_an_edition_by_a_provider_that_stumbles(name: str, settings: Any, tmp_path: Path) -> None:
    readers(150)
    for number in range(150):
        subscribe(reader(f"sub{number}@example.org", name=f"Subscriber {number}"))
    reader(BAD, name="Nobody")
    reader("eve@example.org", name=HOSTILE)
    sending = begin_daily()
    with provider_running(name, odd=[TOO_FAST, HANG_UP], bad=frozenset({BAD})) as provider:
        for key, value in environment.email(
            f"{URLS[name]}?api=http://127.0.0.1:{provider.port}/"
        ).items():
            setattr(settings, key, value)
        send(lines=2, stay=False, folder=tmp_path)
        rest = Rest.objects.get()
        assert (rest.road, rest.shared) == (name, True), "all heed that it was too fast"
        assert left_over(sending, DeliveryState.QUEUED), "none of the refused request was given up"
        Rest.objects.all().delete()  # as if the pause were over
        send(lines=2, stay=False, folder=tmp_path)
    assert not provider.wrong
    assert max(provider.sizes) > 1
    assert_exact(sending, provider.counts)
    assert sending.state == SendingState.DONE

    # In doubt are those whose request broke, by SparkPost also the one's who was refused, since it
    # says how many it refused and not whom.
    doubtful = set(left_over(sending, DeliveryState.UNCERTAIN))
    assert provider.hung_up_on
    assert provider.hung_up_on <= doubtful
    known = states_of(sending)
    if name == "sparkpost":
        assert known[BAD] is DeliveryState.UNCERTAIN
    else:
        assert doubtful == provider.hung_up_on
        assert left_over(sending, DeliveryState.REFUSED) == {BAD}
    assert BAD not in provider.letters
    why = set(Delivery.objects.filter(state=DeliveryState.UNCERTAIN).values_list("why", flat=True))
    assert all(why)

    # Each got the letter of their own variant with their own words.
    links = set()
    for address, (letter, *_) in provider.letters.items():
        variant = "subscriber" if address.startswith("sub") else "member"
        assert letter.subject == f"The Daily Review for {variant}s"
        said = {
            "r7@example.org": "Reader 7",
            "sub7@example.org": "Subscriber 7",
            "eve@example.org": HOSTILE,
        }.get(address)
        if said:
            assert f", {said} " in letter.text
        assert address in letter.text
        assert not WORD.search(letter.html + letter.text)
        assert "<b>" not in letter.html
        assert letter.unsubscribe.strip("<>") in letter.text
        links.add(letter.unsubscribe)
    assert len(links) == len(provider.letters)
