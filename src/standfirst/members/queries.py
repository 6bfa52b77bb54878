"""What others may ask about members."""

from allauth.account.models import EmailAddress

from standfirst.members.models import Member


def is_verified(member: Member) -> bool:
    """Has the member proved that their present address is theirs?"""
    return EmailAddress.objects.filter(
        user=member, email__iexact=member.email, verified=True
    ).exists()
