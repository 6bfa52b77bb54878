"""What a reader does at a wall. One verb, one transaction."""

from datetime import datetime

from django.db import transaction

from standfirst.access.actions import unlock_as
from standfirst.access.rules import Terms, UnlockKind
from standfirst.articles.models import Article
from standfirst.members import actions as members
from standfirst.members.models import Member


def join_at(
    article: Article | None, email: str, password: str = "", *, now: datetime
) -> Member | None:
    """Create a free account; the article it was created at is opened for good and costs nothing.

    An article for subscribers only is not opened by joining. Returns None, and changes nothing,
    where the address already has an account. `now` is an aware datetime.
    """
    with transaction.atomic():
        member = members.join(email, password, article=article.pk if article else None)
        if member and article and article.effective_terms is not Terms.SUBSCRIBERS:
            unlock_as(UnlockKind.WELCOME, member, article.pk, article.title, now=now)
    return member
