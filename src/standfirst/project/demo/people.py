"""The sample's readers, made by the actions that real ones are made by."""

from datetime import datetime

from allauth.account.models import EmailAddress
from django.db import transaction
from django.db.models import QuerySet

from standfirst.access.actions import unlock_with_credit
from standfirst.access.queries import credits_of
from standfirst.access.rules import Terms
from standfirst.articles.models import Article
from standfirst.members.models import Member
from standfirst.project.actions import make_staff
from standfirst.project.demo import cast
from standfirst.publication.queries import the_publication
from standfirst.reading.actions import join_at


def make_people(now: datetime) -> None:
    """Make whoever is missing, and let the spent member spend this month's choices.

    The same on every start: in a new month the spent member has chosen anew. The subscriber buys
    where all buy, see `paying`.
    """
    for person in cast.PEOPLE:
        if not Member.objects.filter(email=person.email).exists():
            _make(person, now)
    _spend(Member.objects.get(email=_email("spent")), the_publication().allowance, now)


def _email(key: str) -> str:
    return next(person.email for person in cast.PEOPLE if person.key == key)


def _make(person: cast.Person, now: datetime) -> None:
    with transaction.atomic():
        if person.key == "editor":
            member = make_staff(person.email, cast.PASSWORD)
        else:
            joined_at = _metered().last() if person.key in {"member", "new"} else None
            joined = join_at(joined_at, person.email, cast.PASSWORD, now=now)
            assert joined is not None  # noqa: S101  asked before: nobody has this address
            member = joined
            if person.key != "new":
                EmailAddress.objects.filter(user=member).update(verified=True)
        Member.objects.filter(pk=member.pk).update(name=person.name)
    if person.key == "member":
        _spend(member, 1, now)


def _metered() -> QuerySet[Article]:
    return (
        Article.objects.filter(live=True, source_id__startswith="meridian:")
        .filter(terms__in=["", Terms.METERED])
        .select_related("section")
        .order_by("-published_at")
    )


def _spend(member: Member, wanted: int, now: datetime) -> None:
    """Choose until so many choices of this month are spent."""
    for article in _metered():
        if len(credits_of(member, now).chosen) >= wanted:
            return
        if article.effective_terms is Terms.METERED:
            unlock_with_credit(member, article.pk, article.title, Terms.METERED, now=now)
