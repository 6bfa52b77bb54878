"""How allauth behaves in this house."""

from allauth.account.adapter import DefaultAccountAdapter


class MemberAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth's adapter."""
