"""What follows from what: every reaction to every event, in plain sight.

Reactions run in the transaction of their cause (but see `publication.events.ArticleUnlocked`).
Mail goes through the task queue, so that it is kept or undone together with what it tells of.
"""

from collections.abc import Iterable, Mapping

from django.utils import timezone

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
    send_merged,
    send_sign_in_link,
)
from standfirst.newsletters.actions.drafting import hours_begin_anew
from standfirst.newsletters.actions.occasions import do_not_alert
from standfirst.newsletters.jobs import forget_letters_to, send_test, tell_editors
from standfirst.newsletters.occasions import welcome
from standfirst.publication.events import (
    AccountDeleted,
    AccountsMerged,
    AddressChanged,
    AddressChangeWanted,
    AddressConfirmed,
    ArticlesLoaded,
    ArticleUnlocked,
    BillToMail,
    CheckoutLeft,
    ConfirmationWanted,
    EditorsNeeded,
    JoinedAgain,
    ListsChanged,
    MemberJoined,
    Reaction,
    SignInWanted,
    SitemapsWritten,
    SubscriptionChanged,
    TestWanted,
    TimeZoneChanged,
    WithdrawalWanted,
    Withdrew,
)
from standfirst.reading.freshness import changed, everything, unlocked
from standfirst.subscriptions.jobs.bills import mail_bill
from standfirst.subscriptions.jobs.letters import (
    close_checkout,
    look_for_doubles,
    send_news,
    send_withdrawal_link,
    send_withdrawn,
)
from standfirst.subscriptions.letters import LETTERS
from standfirst.subscriptions.rules import Change

# A subscription may run from here on; and so a member may have two.
BEGUN = {Change.BEGAN, Change.TRIAL_BEGAN, Change.RESUMED}

REACTIONS: Mapping[type, Iterable[Reaction]] = {
    MemberJoined: [
        lambda event: event.quiet or send_confirmation.enqueue(event.member, article=event.article),
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
    AddressConfirmed: [
        lambda event: welcome(event.member),
    ],
    AddressChanged: [
        lambda event: send_address_changed.enqueue(event.member, old=event.old),
    ],
    BillToMail: [
        lambda event: mail_bill.enqueue(event.bill, letter=event.letter),
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
        lambda event: send_news.enqueue(event.entry) if event.change in LETTERS else None,
    ],
    Withdrew: [
        lambda event: send_withdrawn.enqueue(event.ending, email=event.email),
    ],
    WithdrawalWanted: [
        lambda event: send_withdrawal_link.enqueue(event.email, named=event.named),
    ],
    CheckoutLeft: [
        lambda event: close_checkout.enqueue(event.provider, event.checkout),
    ],
    ArticlesLoaded: [
        lambda event: everything(),
        lambda event: note(*event.articles),
        lambda event: do_not_alert(event.articles, timezone.now()),
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
        lambda event: hours_begin_anew(timezone.now()),
    ],
    EditorsNeeded: [
        lambda event: tell_editors.enqueue(event.turn),
    ],
    TestWanted: [
        lambda event: send_test.enqueue(event.edition, event.member),
    ],
    AccountDeleted: [
        lambda event: send_farewell.enqueue(event.email),
        lambda event: forget_letters_to([(event.member, event.email), *event.earlier]),
    ],
    AccountsMerged: [
        lambda event: send_merged.enqueue(event.kept, to="", other=event.email),
        lambda event: send_merged.enqueue(event.kept, to=event.email, other=event.email),
    ],
}
