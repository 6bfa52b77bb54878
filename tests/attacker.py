"""A process that chooses articles as fast as it can: python -m tests.attacker MEMBER ARTICLE..."""

import sys

import django


def main() -> None:
    django.setup()

    from standfirst.access.actions import unlock_with_credit
    from standfirst.access.rules import Terms
    from standfirst.members.models import Member
    from tests.making import at

    member = Member.objects.get(pk=int(sys.argv[1]))
    print("ready", flush=True)
    for article in sys.argv[2:]:
        choice = unlock_with_credit(
            member, int(article), "x", Terms.METERED, now=at("2026-11-20T12:00")
        )
        print(choice.outcome, flush=True)


if __name__ == "__main__":
    main()
