"""What processes of `tests.apart` do to members: choose as fast as they can, merge, be killed."""

import os
import sys
from typing import Any

from django.db import connection
from django.utils import timezone

from standfirst.access.actions import unlock_with_credit
from standfirst.access.rules import Terms
from standfirst.account.merging import merge
from standfirst.members.models import Member
from tests.making import at


def choose_all(member: int, articles: list[int]) -> None:
    """Choose article after article once it is told to; says what came of each."""
    choosing, now = Member.objects.get(pk=member), at("2026-11-20T12:00")
    print("ready")
    sys.stdin.readline()
    for article in articles:
        choice = unlock_with_credit(choosing, article, "x", Terms.METERED, now=now)
        print(choice.outcome)


def merge_or_die(left: int, kept: int, by: int, most: int) -> None:
    """Merge two members, but end, as if killed, after so many statements that write."""
    count = 0

    def die(execute: Any, sql: str, *rest: Any) -> Any:
        nonlocal count
        count += sql.lstrip().split()[0] in ("INSERT", "UPDATE", "DELETE")
        if count > most:
            os._exit(9)
        return execute(sql, *rest)

    members = Member.objects.in_bulk([left, kept, by])
    with connection.execute_wrapper(die):
        merge(members[left], members[kept], by=members[by], why="x", now=timezone.now())
