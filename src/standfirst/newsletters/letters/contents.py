"""What a letter says, as plain values: whoever fills these may read a database, nothing here does.

Texts are as people wrote them, and are escaped where they are written into a letter; addresses are
absolute. It imports no framework.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from standfirst.newsletters.letters.colours import Palette
from standfirst.newsletters.letters.richtext import NOTHING, Passage

FIRST_TO_STAY = 3  # articles whose standfirst stays as long as it can
LEFT_OUT_OF = "This letter would be longer than mail programs show: "


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What all letters of the magazine share. `base_url` has no slash at its end."""

    name: str
    tagline: str
    imprint: str
    contact: str
    language: str
    base_url: str
    colours: Palette
    allowance: int

    @property
    def direction(self) -> str:
        return "rtl" if self.language.split("-")[0].lower() in RIGHT_TO_LEFT else "ltr"

    @property
    def start(self) -> str:
        """The side on which its lines begin."""
        return "right" if self.direction == "rtl" else "left"

    @property
    def end(self) -> str:
        return "left" if self.direction == "rtl" else "right"

    @property
    def host(self) -> str:
        """The address as people say it."""
        return self.base_url.partition("://")[2]


RIGHT_TO_LEFT = {"ar", "arc", "ckb", "dv", "fa", "he", "ks", "ps", "sd", "ug", "ur", "yi"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    url: str
    width: int
    height: int
    alt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """An article as a letter shows it: never more than what every visitor may see. `terms` says
    what this letter's readers need for it, where that is worth a word."""

    headline: str
    url: str
    standfirst: str = ""
    authors: str = ""
    minutes: int = 1
    section: str = ""
    photo: Photo | None = None
    terms: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A piece of news with our take."""

    headline: str
    text: Passage = NOTHING
    source_name: str = ""
    source_url: str = ""


@dataclass(frozen=True, slots=True)
class Dated:
    """Something that is coming up."""

    day: date
    text: Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """An edition as one variant of its letter says it. `kept_back`: its readers get headlines where
    others get our take. `shortened`: something of it stands on the web only."""

    newsletter: str
    day: date
    subject: str
    web_url: str
    take: tuple[Item, ...] = ()
    stories: tuple[Story, ...] = ()
    radar: tuple[Dated, ...] = ()
    more: Passage = NOTHING
    kept_back: bool = False
    shortened: bool = False

    @property
    def preheader(self) -> str:
        """What mail programs show beside the subject: the headlines that do not stand in it."""
        headlines = [item.headline for item in self.take]
        headlines += [story.headline for story in self.stories]
        return " · ".join([line for line in headlines if line != self.subject][:3])


def as_preview(contents: Contents) -> Contents:
    """What those get who may not read the edition in full: the headlines. The texts are not in it,
    so that no template can show them."""
    return replace(
        contents,
        take=tuple(Item(headline=one.headline) for one in contents.take),
        radar=(),
        more=NOTHING,
        kept_back=bool(contents.take or contents.radar or contents.more),
    )


def shorter(contents: Contents) -> Iterator[tuple[Contents, str]]:
    """The edition ever shorter, each time with a sentence for its editor: first the last articles
    lose their standfirsts, then they go, then what else can be read on the web."""
    now = replace(contents, shortened=True)
    stories = list(now.stories)
    for index in reversed(range(FIRST_TO_STAY, len(stories))):
        stories[index] = replace(stories[index], standfirst="")
        now = replace(now, stories=tuple(stories))
        yield now, f"{LEFT_OUT_OF}the last articles stand there without their standfirsts."
    while len(stories) > 1:
        stories.pop()
        now = replace(now, stories=tuple(stories))
        gone = len(contents.stories) - len(stories)
        yield now, f"{LEFT_OUT_OF}the last {gone} of its articles stand on the web only."
    gone_too = f"{LEFT_OUT_OF}all articles but one, and “and more”"
    if now.more:
        now = replace(now, more=NOTHING)
        yield now, f"{gone_too}, stand on the web only."
    if now.radar:
        now = replace(now, radar=())
        yield now, f"{gone_too} and “on our radar”, stand on the web only."
    take = list(now.take)
    while len(take) > 1:
        take.pop()
        now = replace(now, take=tuple(take))
        gone = len(contents.take) - len(take)
        yield now, f"{LEFT_OUT_OF}{gone} of our take's items, and all after them, do not fit."
    while take and len(take[0].text.paragraphs) > 1:
        half = len(take[0].text.paragraphs) // 2
        take[0] = replace(take[0], text=take[0].text.first(half))
        now = replace(now, take=tuple(take))
        yield now, f"{LEFT_OUT_OF}only the beginning of our take is in it. Shorten it."
