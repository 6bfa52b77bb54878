"""Starting a session."""

from allauth.account.internal.flows.login import perform_login
from allauth.account.models import Login
from django.http import HttpRequest

from standfirst.members.models import Member


def sign_in(request: HttpRequest, member: Member) -> None:
    """Sign a member in at this browser."""
    perform_login(request, Login(user=member, email=member.email, signup=False))
