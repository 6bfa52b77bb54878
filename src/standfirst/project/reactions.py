"""What follows from what: every reaction to every event, in plain sight.

Reactions run in the transaction of their cause (see `publication.events`). Mail goes through the
task queue, so that it is kept or undone together with what it tells of.
"""

from collections.abc import Iterable, Mapping

from standfirst.members.jobs import (
    send_confirmation,
    send_farewell,
    send_sign_in_link,
)
from standfirst.publication.events import (
    AccountDeleted,
    JoinedAgain,
    MemberJoined,
    Reaction,
)

REACTIONS: Mapping[type, Iterable[Reaction]] = {
    MemberJoined: [
        lambda event: send_confirmation.enqueue(event.member, article=event.article),
    ],
    JoinedAgain: [
        lambda event: send_sign_in_link.enqueue(event.member, next=event.next),
    ],
    AccountDeleted: [
        lambda event: send_farewell.enqueue(event.email),
    ],
}
