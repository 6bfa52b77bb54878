"""Changing who is a member. One verb, one transaction."""

from datetime import datetime
from enum import StrEnum

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import IntegrityError, transaction
from django.utils import timezone

from standfirst.members.consent import AT_JOINING, By, give
from standfirst.members.models import Member, MemberNote, Merger
from standfirst.members.queries import is_verified
from standfirst.publication.events import (
    AddressChanged,
    AddressChangeWanted,
    AddressConfirmed,
    ConfirmationWanted,
    JoinedAgain,
    MemberJoined,
    SignInWanted,
    happened,
)


def join(
    email: str, password: str = "", *, article: int | None = None, quiet: bool = False
) -> Member | None:
    """Create a free account with an unconfirmed address; None where the address already has one.

    `email` is a valid address in lower case, `article` the id of the article they join
    at. It is a yes to what the forms of joining speak of, `consent.AT_JOINING`. `quiet` where
    somebody else makes the account: no mail is sent, and nobody has said yes to any.
    """
    where = f"under article {article}" if article else "at the page of joining or buying"
    proof = f"Sent the form {where}, which speaks of our newsletters."
    try:
        with transaction.atomic():
            member = Member.objects.create_user(email, password or None)
            EmailAddress.objects.create(user=member, email=email, primary=True, verified=False)
            if not quiet:
                give(member, AT_JOINING, By.JOINING, proof=proof, now=member.joined_at)
            happened(MemberJoined(member=member.pk, article=article, quiet=quiet))
    except IntegrityError:
        if Member.objects.filter(email__iexact=email).exists():
            return None
        raise
    return member


def join_again(email: str, *, next: str) -> None:
    """Someone 'joined' with a known address: it gets a sign-in mail leading back to `next`."""
    with transaction.atomic():
        member = Member.objects.filter(email__iexact=email).first()
        if member:
            happened(JoinedAgain(member=member.pk, next=next))


# -- proving an address ----------------------------------------------------------------------


class Confirmation(StrEnum):
    """What became of a wish to confirm an address."""

    CONFIRMED = "confirmed"
    CHANGED = "changed"
    ALREADY = "already"
    TAKEN = "taken"
    GONE = "gone"


def own_address(member: Member) -> EmailAddress:
    """The record of the member's present address; made where a colleague made the account."""
    with transaction.atomic():
        address = EmailAddress.objects.filter(user=member, email__iexact=member.email).first()
        if address is None:
            EmailAddress.objects.filter(user=member, primary=True).update(primary=False)
            address = EmailAddress.objects.create(user=member, email=member.email, primary=True)
    return address


def ask_to_confirm(member: Member, *, next: str) -> None:
    """Mail the member a code and a link that confirm their present address."""
    with transaction.atomic():
        happened(ConfirmationWanted(member=member.pk, next=next))


def ask_to_change_address(member: Member, email: str) -> None:
    """Mail a link to a new address; the present one stays until that link was followed."""
    with transaction.atomic():
        happened(AddressChangeWanted(member=member.pk, email=email))


def ask_to_sign_in(email: str, code: str, *, next: str) -> None:
    """Mail a code, bound to the browser that asked, and a link; an unknown address is told so."""
    with transaction.atomic():
        happened(SignInWanted(email=email, code=code, next=next))


def confirm_address(member: int, address: str, present: str) -> Confirmation:
    """Someone proved that `address` is theirs: it is, or becomes, the member's.

    `member` is an id; `present` is the member's address when the proof was mailed. Nothing
    changes unless it still is.
    """
    try:
        with transaction.atomic():
            found = Member.objects.select_for_update().filter(pk=member, is_active=True).first()
            if found is None:
                return Confirmation.GONE
            row = own_address(found)
            if found.email != present or (address == present and row.verified):
                return Confirmation.ALREADY
            changed = address != present
            if changed:
                found.email = address
                found.save(update_fields=["email"])
            row.email, row.primary, row.verified = address, True, True
            row.save()
            if changed:
                happened(AddressChanged(member=found.pk, old=present))
            happened(AddressConfirmed(member=found.pk))
    except IntegrityError:
        return Confirmation.TAKEN
    return Confirmation.CHANGED if changed else Confirmation.CONFIRMED


def sign_in_by_mail(member: Member) -> bool:
    """Use up a sign-in link, of which every copy stops working; False if that happened already.

    Who follows it has proved the address. Where it was not proved before, nobody knows who chose
    the password and opened the sessions that there may be, so these end with it.
    """
    with transaction.atomic():
        burnt = Member.objects.filter(pk=member.pk, last_login=member.last_login, is_active=True)
        now = timezone.now()
        if not burnt.update(last_login=now):
            return False
        member.last_login = now
        if not own_address(member).verified:
            forget_what_was_not_proved(member)
            confirm_address(member.pk, member.email, member.email)
    return True


def forget_what_was_not_proved(member: Member) -> None:
    """Drop password, passkeys and, with the password, every session of a member."""
    with transaction.atomic():
        member.set_unusable_password()
        member.save(update_fields=["password"])
        Authenticator.objects.filter(user=member).delete()


def trust_from_now_on(member: Member) -> None:
    """Call this when a member becomes staff: power over the newsroom is for the mailbox's owner.

    Where nobody proved the address, a stranger may have joined with it beforehand, so the password
    and sessions that there are end; a code by mail lets the owner in.
    """
    if not is_verified(member):
        forget_what_was_not_proved(member)


# -- what a member may change ----------------------------------------------------------------


def set_password(member: Member, password: str | None) -> None:
    """Set a password, or with None have none. Every other browser is signed out by it."""
    with transaction.atomic():
        member.set_password(password)
        member.save(update_fields=["password"])


def rename(member: Member, name: str) -> None:
    """Set how the member is called; `name` is as `rules.name_from` gives it."""
    Member.objects.filter(pk=member.pk).update(name=name)
    member.name = name


# -- what colleagues write down ---------------------------------------------------------------


def write_note(member: Member, text: str, *, by: Member, now: datetime) -> MemberNote:
    """Keep a colleague's note about a member."""
    return MemberNote.objects.create(member=member, text=text.strip(), by=by, at=now)


def move_notes(left: Member, kept: Member) -> int:
    """Make the notes about `left`, and the accounts within it, `kept`'s. Says how many notes."""
    with transaction.atomic():
        Merger.objects.filter(kept=left).update(kept=kept)
        return MemberNote.objects.filter(member=left).update(member=kept)
