"""What `standfirst demo` prints when everything runs."""

from standfirst.articles.models import Article
from standfirst.project.demo import cast


def directory(address: str, stand_in: str) -> str:
    """Where to go, and as whom, as a plain list; `stand_in` is where one pays."""
    articles = Article.objects.filter(live=True, source_id__startswith="meridian:")
    metered = articles.filter(terms="metered").order_by("-published_at").first()
    paid = articles.filter(terms="subscribers").order_by("-published_at").first()
    places = [
        ("Front page", f"{address}/"),
        *(
            [("An article, as a visitor meets it", address + metered.get_absolute_url())]
            if metered
            else []
        ),
        *([("An article for subscribers only", address + paid.get_absolute_url())] if paid else []),
        ("Log in", f"{address}/account/login/"),
        ("Newsroom (as the editor)", f"{address}/newsroom/"),
        ("Outbox: mail that would have been sent", f"{address}/outbox/"),
        ("Newsletters on the web", f"{address}/newsletters/"),
        (
            "Today’s edition, to approve",
            f"{address}/newsroom/newsletters/editions/",
        ),
        ("All-Access: what is sold", f"{address}/all-access/"),
        ("Stand-in for Stripe, and its clock", f"{stand_in}/"),
    ]
    wide = max(len(name) for name, _ in places)
    most = max(len(person.email) for person in cast.PEOPLE)
    count = Article.objects.filter(live=True).count()
    return "\n".join(
        [
            "",
            f"  {cast.PUBLICATION['name']} is open, with {count:,} articles.",
            "",
            *(f"    {name:<{wide}}  {place}" for name, place in places),
            "",
            f"  Sign-ins, all with the password {cast.PASSWORD}",
            "",
            *(f"    {person.email:<{most}}  {person.what}" for person in cast.PEOPLE),
            "",
            "  To pay, choose the card that works (4242 4242 4242 4242), or one that is declined.",
            "  It is a stand-in for Stripe: no money moves. Its clock makes renewals happen.",
            "",
            "  Ctrl-C stops everything.",
            "",
        ]
    )
