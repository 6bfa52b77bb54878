"""People with an account. Editors are members too, with `is_staff`."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone


class MemberManager(BaseUserManager["Member"]):
    def create_user(self, email: str, password: str | None = None, **extra: Any) -> "Member":
        """A new member; without a password they sign in by code, link or passkey."""
        member = self.model(email=email.strip().lower(), **extra)
        member.set_password(password)
        member.save(using=self._db)
        return member

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> "Member":
        """A member who may do everything in the newsroom."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **extra)

    def get_by_natural_key(self, email: str | None) -> "Member":
        return self.get(email__iexact=email or "")


class Member(AbstractBaseUser, PermissionsMixin):
    """A person with an account; the address is who they are. Whether it is confirmed says
    `members.queries.is_verified` (allauth's EmailAddress holds it)."""

    email = models.EmailField(
        max_length=254, unique=True, error_messages={"unique": "This address has an account."}
    )
    name = models.CharField(max_length=120, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(
        "staff", default=False, help_text="Reads everything and may enter the newsroom."
    )
    joined_at = models.DateTimeField(default=timezone.now, editable=False)

    objects: ClassVar[MemberManager] = MemberManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("email"), name="member_email_whatever_the_case"),
        ]
        # What the newsroom's list is sorted and narrowed by; a few rows of many for the last two.
        indexes = [
            models.Index(fields=["joined_at", "id"], name="member_by_joining"),
            models.Index(
                fields=["joined_at"], condition=Q(is_staff=True), name="member_who_is_staff"
            ),
        ]

    def __str__(self) -> str:
        return self.email

    def get_full_name(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return self.name or self.email.partition("@")[0]

    @property
    def first_name(self) -> str:
        """Wagtail greets editors by this."""
        return self.get_short_name()

    last_name = ""


class MemberNote(models.Model):
    """What a colleague wrote down about a member; the member gets it with their data."""

    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notes"
    )
    text = models.TextField(max_length=2000)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return self.text[:60]


class Merger(models.Model):
    """An account that became part of another: its number, under which ledgers knew it, goes on
    meaning the one that was kept."""

    kept = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="mergers"
    )
    left = models.BigIntegerField(unique=True)
    address = models.EmailField(max_length=254)
    joined_at = models.DateTimeField()
    unlocks = models.JSONField(default=list)  # numbers of those that came with it
    told = models.JSONField(default=list)  # what came with it, in sentences
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    why = models.CharField(max_length=400)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.left} is {self.kept_id}"


class Consent(models.Model):
    """Whether a member wants a kind of letter now: a newsletter (its slug), `choices` (a mail when
    a month begins) or `alerts` (of what they follow). What was said before stands in
    ConsentEntry."""

    member = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="consents"
    )
    letter = models.CharField(max_length=40)
    given = models.BooleanField()
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["letter", "member"], name="one_consent")]

    def __str__(self) -> str:
        return f"{self.member_id}: {'' if self.given else 'no '}{self.letter}"


class ConsentEntry(models.Model):
    """What a member said of a kind of letter, when, and by which door: the proof of consent. Rows
    are only added. `member` is a number, since the row outlives the account."""

    class By(models.TextChoices):
        """By which door it came."""

        JOINING = "joining"
        ACCOUNT = "account", "the account's pages"
        PREFERENCES = "preferences", "the page that mails lead to"
        ONE_CLICK = "one_click", "the unsubscribe button of a mail program"
        IMPORT = "import", "a list that was imported"
        STAFF = "staff", "a colleague"
        BOUNCED = "bounced", "the address refused mail"
        COMPLAINED = "complained", "the letter was called spam"

    member = models.BigIntegerField(db_index=True)
    letter = models.CharField(max_length=40)
    given = models.BooleanField()
    by = models.CharField(max_length=12, choices=By.choices)
    proof = models.CharField(max_length=400, blank=True)  # in a sentence: which form, which list
    delivery = models.BigIntegerField(null=True)  # the letter whose link or button it was
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["letter", "at"], name="consent_by_day"),
            # How many left by a letter is asked for each that was sent.
            models.Index(
                fields=["delivery"], condition=Q(delivery__isnull=False), name="consent_by_delivery"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member}: {'' if self.given else 'no '}{self.letter}"
