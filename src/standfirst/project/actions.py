"""What the person who runs the machine does. One verb, one transaction."""

from allauth.account.models import EmailAddress
from django.db import transaction

from standfirst.members.actions import trust_from_now_on
from standfirst.members.models import Member


def make_staff(email: str, password: str = "") -> Member:
    """A member who may do everything in the newsroom, with a confirmed address.

    `email` is a valid address. An existing member keeps everything, and the password too unless a
    new one is given, or nobody has proved that the address is theirs.
    """
    with transaction.atomic():
        member = Member.objects.filter(email__iexact=email).first()
        if member is None:
            member = Member.objects.create_user(email, password or None)
        else:
            if not member.is_staff:
                trust_from_now_on(member)
            if password:
                member.set_password(password)
        member.is_staff = member.is_superuser = member.is_active = True
        member.save()
        EmailAddress.objects.update_or_create(
            user=member, email=member.email, defaults={"verified": True, "primary": True}
        )
    return member
