"""What follows from what: every reaction to every event, in plain sight.

Reactions run in the transaction of their cause (but see `publication.events.ArticleUnlocked`).
Mail goes through the task queue, so that it is kept or undone together with what it tells of.
"""

from collections.abc import Iterable, Mapping

from standfirst.articles import shelves
from standfirst.articles.tags import SITEMAPS
from standfirst.library.actions import note, note_all
from standfirst.library.models import Kind
from standfirst.members.jobs import (
    send_address_change,
    send_address_changed,
    send_code,
    send_confirmation,
    send_farewell,
    send_sign_in_link,
)
from standfirst.publication.events import (
    AccountDeleted,
    AddressChanged,
    AddressChangeWanted,
    ArticlesLoaded,
    ArticleUnlocked,
    CheckoutLeft,
    ConfirmationWanted,
    JoinedAgain,
    ListsChanged,
    MemberJoined,
    Reaction,
    SignInWanted,
    SitemapsWritten,
    SubscriptionChanged,
    TimeZoneChanged,
)
from standfirst.reading.freshness import changed, everything, unlocked
from standfirst.subscriptions.jobs import close_checkout, look_for_doubles, send_bought_twice
from standfirst.subscriptions.rules import Change

# A subscription may run from here on; and so a member may have two.
BEGUN = {Change.BEGAN, Change.TRIAL_BEGAN, Change.RESUMED}

REACTIONS: Mapping[type, Iterable[Reaction]] = {
    MemberJoined: [
        lambda event: send_confirmation.enqueue(event.member, article=event.article),
    ],
    JoinedAgain: [
        lambda event: send_sign_in_link.enqueue(event.member, next=event.next),
    ],
    SignInWanted: [
        lambda event: send_code.enqueue(event.email, code=event.code, next=event.next),
    ],
    ConfirmationWanted: [
        lambda event: send_confirmation.enqueue(event.member, next=event.next),
    ],
    AddressChangeWanted: [
        lambda event: send_address_change.enqueue(event.member, email=event.email),
    ],
    AddressChanged: [
        lambda event: send_address_changed.enqueue(event.member, old=event.old),
    ],
    ArticleUnlocked: [
        lambda event: unlocked(event.member),
    ],
    SubscriptionChanged: [  # its row is watched by `reading.freshness`
        lambda event: (
            look_for_doubles.enqueue(event.member)
            if event.member and event.change in BEGUN
            else None
        ),
        lambda event: (
            send_bought_twice.enqueue(event.entry) if event.change == Change.DOUBLED else None
        ),
    ],
    CheckoutLeft: [
        lambda event: close_checkout.enqueue(event.provider, event.checkout),
    ],
    ArticlesLoaded: [
        lambda event: everything(),
        lambda event: note(*event.articles),
    ],
    ListsChanged: [
        lambda event: changed(event.tags),
    ],
    SitemapsWritten: [
        lambda event: changed([SITEMAPS]),
    ],
    TimeZoneChanged: [
        lambda event: shelves.recount(),
        lambda event: note_all(Kind.EVERYTHING, [0]),  # years begin at other moments
    ],
    AccountDeleted: [
        lambda event: send_farewell.enqueue(event.email),
    ],
}
