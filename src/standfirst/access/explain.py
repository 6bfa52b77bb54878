"""A decision told in sentences: which facts led to it, in the order in which they were asked."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from standfirst.access.rules import (
    Decision,
    FullText,
    OpenDoor,
    Reason,
    Standing,
    Terms,
    UnlockKind,
    Wall,
    decide,
)

TERMS_MEAN = {
    Terms.OPEN: "everybody reads it",
    Terms.MEMBERS: "a free account is enough",
    Terms.METERED: "members may choose it as one of the month’s articles, subscribers read it",
    Terms.SUBSCRIBERS: "only All-Access opens it",
}
_OPENED_BY = {
    UnlockKind.CREDIT: "chosen with a credit",
    UnlockKind.WELCOME: "opened on joining at it",
    UnlockKind.GIFT: "given as a gift",
    UnlockKind.STAFF: "opened by a colleague",
}
_BECAUSE = {
    Reason.STAFF: "the reader is staff",
    Reason.OPEN: "the article is open to everybody",
    Reason.SUBSCRIPTION: "All-Access runs",
    Reason.INSTITUTION: "the reader’s institution has access",
    Reason.UNLOCKED: "the reader unlocked it",
    Reason.CRAWLER: "a verified search engine is asking",
    Reason.SIGNED_IN: "an account is enough for it",
}
_WALL_SAYS = {
    Wall.JOIN: "join: a free account opens the rest",
    Wall.SUBSCRIBE: "subscribe: only All-Access opens it",
    Wall.CONFIRM: "confirm: the address must be confirmed before articles can be chosen",
    Wall.CHOOSE: "choose: a button spends one of the choices that are left",
    Wall.SPENT: "spent: all of the month’s choices are made",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Who asks for which article. `own_terms` is None where the section's terms hold;
    `unlocked_at` is when the reader unlocked this article, if ever; `month` and `renews_on` are the
    month of `now` where the publication is and the day new credits come."""

    article: int
    headline: str
    own_terms: Terms | None
    section: str
    section_terms: Terms
    reader: str
    standing: Standing
    now: datetime
    allowance: int
    month: date
    renews_on: date
    unlocked_at: datetime | None = None

    @property
    def terms(self) -> Terms:
        return self.own_terms or self.section_terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The decision, and the sentences that lead to it; the last one says the decision itself."""

    decision: Decision
    sentences: tuple[str, ...]


def explain(question: Question) -> Explanation:
    """Say what `decide` answers to a question, and why. Pure, as `decide` is."""
    decision = decide(question.terms, question.standing, question.article, question.now)
    sentences = [_terms(question), _reader(question)]
    for reason, holds, fact in _tried(question):
        sentences.append(f"{reason.value.replace('_', ' ')}: {'yes' if holds else 'no'}, {fact}.")
        if holds:
            break
    if question.standing.signed_in:
        sentences.append(_credits(question))
    sentences.append(_decision(decision))
    return Explanation(decision=decision, sentences=tuple(sentences))


def _terms(q: Question) -> str:
    source = "as the article itself says" if q.own_terms else f"as its section {q.section} says"
    return f"“{q.headline}” has the terms {q.terms}, {source}: {TERMS_MEAN[q.terms]}."


def _reader(q: Question) -> str:
    if not q.standing.signed_in:
        return f"The reader is {q.reader}, not signed in."
    confirmed = "confirmed" if q.standing.verified else "not confirmed"
    return f"The reader is {q.reader}, a member whose address is {confirmed}."


def _tried(q: Question) -> Iterator[tuple[Reason, bool, str]]:
    s, now = q.standing, q.now
    yield Reason.STAFF, s.staff, f"the reader is {'' if s.staff else 'not '}staff"
    opened = q.terms is Terms.OPEN
    yield Reason.OPEN, opened, f"the terms are {q.terms}"
    until = s.subscribed_until
    runs = until is not None and now < until
    told = f"until {until.astimezone(now.tzinfo):%-d %B %Y, %H:%M}" if until else ""
    fact = f"All-Access runs {told}" if runs else f"it ran {told}" if until else "there is none now"
    yield Reason.SUBSCRIPTION, runs, fact
    house = s.institution
    yield Reason.INSTITUTION, house is not None, house or "the reader comes from none"
    door = s.unlocked.get(q.article)
    yield Reason.UNLOCKED, door is not None and _stands_open(door, now), _unlock(q, door)
    crawler = s.crawler
    yield Reason.CRAWLER, crawler is not None, crawler or "no verified search engine is asking"
    enough = q.terms is Terms.MEMBERS and s.signed_in
    fact = f"the terms are {q.terms} and the reader is {'' if s.signed_in else 'not '}signed in"
    yield Reason.SIGNED_IN, enough, fact


def _stands_open(door: OpenDoor, now: datetime) -> bool:
    return door.until is None or now < door.until


def _unlock(q: Question, door: OpenDoor | None) -> str:
    if door is None:
        return "the reader has not unlocked this article"
    when = f" on {q.unlocked_at:%-d %B %Y, %H:%M}" if q.unlocked_at else ""
    if door.until is None:
        return f"{_OPENED_BY[door.kind]}{when}, for good"
    ends = "ends" if _stands_open(door, q.now) else "ended"
    until = door.until.astimezone(q.now.tzinfo)
    return f"{_OPENED_BY[door.kind]}{when}; that {ends} on {until:%-d %B %Y}"


def _credits(q: Question) -> str:
    return (
        f"{q.standing.credits_left} of {q.allowance} choices are left in {q.month:%B %Y}; "
        f"new ones come on {q.renews_on:%-d %B %Y}."
    )


def _decision(decision: Decision) -> str:
    if isinstance(decision, FullText):
        return f"Decision: the full text, because {_BECAUSE[decision.reason]}."
    return f"Decision: the preview with the wall {_WALL_SAYS[decision.wall]}."
