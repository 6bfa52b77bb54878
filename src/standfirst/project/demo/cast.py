"""Who and what the sample magazine is made of. Everybody here is invented."""

from typing import NamedTuple


class Writer(NamedTuple):
    slug: str
    name: str
    role: str
    biography: str


class Part(NamedTuple):
    slug: str
    name: str
    description: str = ""


PUBLICATION = {
    "name": "The Meridian",
    "tagline": "Analysis of world affairs",
    "description": (
        "The Meridian explains the decisions that move ships, money, water and people. "
        "It is a sample magazine: its articles were written to show what Standfirst can do."
    ),
    "contact": "readers@meridian.example",
    "imprint": "The Meridian is a sample magazine. Its authors are invented.",
    "time_zone": "Europe/Vienna",
    "language": "en-GB",
    "currency": "EUR",
    "allowance": 3,
}

SECTIONS = (
    Part("world", "World", "Who talks to whom, and what each of them wants from it."),
    Part("economy", "Economy", "Money, trade and debt, and the people who have to pay."),
    Part("security", "Security", "Force, the fear of it, and what keeps either from being used."),
    Part("climate", "Climate & Energy", "Heat, water and power, and the politics of all three."),
    Part("technology", "Technology", "Machines that changed what a border can hold."),
    Part("ideas", "Ideas", "Books, maps and arguments that outlast the week."),
)

REGIONS = (
    Part("europe", "Europe"),
    Part("eurasia", "Eurasia"),
    Part("asia-pacific", "Asia-Pacific"),
    Part("south-asia", "South Asia"),
    Part("middle-east", "Middle East"),
    Part("africa", "Africa"),
    Part("americas", "Americas"),
    Part("oceans", "Oceans & Poles"),
)

TOPICS = (
    "shipping", "insurance", "trade", "sanctions", "central-banks", "debt", "migration", "water",
    "food", "alliances", "deterrence", "borders", "diplomacy", "critical-minerals",
    "semiconductors", "cables", "data", "space", "energy", "electricity", "cities", "demography",
    "institutions", "law-of-the-sea", "fisheries", "infrastructure", "rivers", "elections",
    "memory",
)  # fmt: skip

_SAMPLE = "A sample person, invented for this magazine."

AUTHORS = (
    Writer(
        "adaeze-sample",
        "Adaeze Sample",
        "on ports, shipping and West Africa",
        f"Adaeze Sample writes about what moves by sea and who pays when it stops. {_SAMPLE} She "
        "is imagined as a former freight broker who learned politics from demurrage claims.",
    ),
    Writer(
        "tomas-sample",
        "Tomás Sample",
        "on central banks and debt",
        f"Tomás Sample follows money to the office where it is decided. {_SAMPLE} He is imagined "
        "as an economist who reads footnotes first and press conferences last.",
    ),
    Writer(
        "mirela-sample",
        "Mirela Sample",
        "on the Black Sea, the Balkans and borders",
        f"Mirela Sample reports from river mouths and frontier stations. {_SAMPLE} She is imagined "
        "as a correspondent who prefers the slow train.",
    ),
    Writer(
        "kenji-sample",
        "Kenji Sample",
        "on East Asia, chips and alliances",
        f"Kenji Sample writes about factories that nobody can copy and treaties that nobody has "
        f"tested. {_SAMPLE} He is imagined as an engineer who changed sides to the page.",
    ),
    Writer(
        "lucia-sample",
        "Lucía Sample",
        "on Latin America and minerals",
        f"Lucía Sample visits mines, parliaments and the roads between. {_SAMPLE} She is imagined "
        "as a geologist who found the arguments more interesting than the ore.",
    ),
    Writer(
        "farid-sample",
        "Farid Sample",
        "on the Gulf, energy and water",
        f"Farid Sample writes about what the desert buys and what it cannot. {_SAMPLE} He is "
        "imagined as a former grid planner with a weakness for tide tables.",
    ),
    Writer(
        "ingrid-sample",
        "Ingrid Sample",
        "on the Arctic, cables and climate",
        f"Ingrid Sample covers the top of the map and the bottom of the sea. {_SAMPLE} She is "
        "imagined as an oceanographer who kept her sea boots.",
    ),
    Writer(
        "nalini-sample",
        "Nalini Sample",
        "on South Asia, rivers, cities and ideas",
        f"Nalini Sample writes about monsoons, megacities and books. {_SAMPLE} She is imagined as "
        "an urban historian who measures a century in embankments.",
    ),
)

# What the editor put on the front page, the lead first. Those that are not there are left out.
FRONT_PAGE = (
    "the-strait-that-everyone-insures",
    "after-the-gas-the-grid",
    "ports-that-bet-on-nobody",
    "who-owns-the-monsoon",
    "chips-and-the-geography-of-patience",
    "the-cable-under-the-ice",
    "interview-with-a-harbour-pilot",
)

PASSWORD = "standfirst-demo"  # noqa: S105  printed on the terminal of a throwaway magazine


class Person(NamedTuple):
    key: str
    email: str
    name: str
    what: str  # what the list of sign-ins says of them


PEOPLE = (
    Person("editor", "editor@meridian.example", "Edith Sample", "editor: newsroom, reads all"),
    Person("member", "member@meridian.example", "Mona Sample", "member, choices left"),
    Person("spent", "spent@meridian.example", "Spiro Sample", "member, none left this month"),
    Person("new", "unverified@meridian.example", "Una Sample", "member, address not confirmed"),
    Person("subscriber", "subscriber@meridian.example", "Sybil Sample", "subscriber, All-Access"),
)
