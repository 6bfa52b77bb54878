"""What a reader types to join and to sign in, and the sentences they get when it cannot be."""

from typing import Any

from allauth.account import forms as allauth
from allauth.account.internal.userkit import filter_users_by_email
from allauth.core import context, ratelimit
from allauth.core.exceptions import ImmediateHttpResponse
from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from standfirst.members.actions import own_address
from standfirst.members.models import Member
from standfirst.members.queries import refused_domains
from standfirst.members.rules import (
    ADDRESS_LENGTH,
    Unusable,
    address_from,
    name_from,
    password_objection,
)

NO_NUL = "Something invisible was typed here. Please type it again."


class AddressField(forms.CharField):
    """An e-mail address, in the one form that addresses are kept in."""

    def __init__(self, *, any_domain: bool = True, **options: Any) -> None:
        self.any_domain = any_domain
        options.setdefault("label", "Your e-mail address")
        options.setdefault(
            "widget",
            forms.EmailInput(attrs={"autocomplete": "email", "maxlength": ADDRESS_LENGTH}),
        )
        options.setdefault("error_messages", {})
        options["error_messages"].setdefault("required", "Please type your e-mail address.")
        super().__init__(strip=True, **options)
        # `address_from` has a sentence for every case, NUL included.
        self.validators = []

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        try:
            return address_from(text, () if self.any_domain else refused_domains())
        except Unusable as error:
            raise ValidationError(str(error)) from error


class JoinForm(forms.Form):
    """An address is enough; a password is optional."""

    email = AddressField(any_domain=False)
    password = forms.CharField(
        required=False,
        strip=False,
        max_length=128,
        label="Password (optional)",
        help_text="Without one you log in with a code we mail to you.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        error_messages={
            "max_length": "A password can have at most 128 characters.",
            "null_characters_not_allowed": NO_NUL,
        },
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        password, email = cleaned.get("password"), cleaned.get("email", "")
        if password:
            try:
                check_password(password, email)
            except ValidationError as error:
                self.add_error("password", error)
        return cleaned


def check_password(password: str, address: str) -> None:
    """Raise ValidationError with sentences where a password is too weak."""
    objection = password_objection(password, address)
    if objection:
        raise ValidationError(objection)
    validate_password(password, Member(email=address))


class PasswordForm(forms.Form):
    """A new password; the present one is asked for unless the mailbox was just proved."""

    present = forms.CharField(
        label="Present password",
        strip=False,
        max_length=128,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": "Please type your present password."},
    )
    new = forms.CharField(
        label="New password",
        strip=False,
        max_length=128,
        help_text="At least ten characters.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        error_messages={"required": "Please type a new password."},
    )

    def __init__(self, member: Member, data: Any = None, *, ask_present: bool) -> None:
        super().__init__(data)
        self.member = member
        if not ask_present:
            del self.fields["present"]

    def clean_present(self) -> str:
        present = str(self.cleaned_data["present"])
        if not self.member.check_password(present):
            raise ValidationError("This is not your present password.")
        return present

    def clean_new(self) -> str:
        new = str(self.cleaned_data["new"])
        check_password(new, self.member.email)
        return new


class AddressForm(forms.Form):
    """A new address for an account."""

    email = AddressField(any_domain=False, label="New e-mail address")

    def __init__(self, member: Member, data: Any = None) -> None:
        super().__init__(data)
        self.member = member

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"])
        if email == self.member.email:
            raise ValidationError("This is your address already.")
        return email


class NameForm(forms.Form):
    """How a member wants to be called."""

    name = forms.CharField(
        required=False,
        label="Your name",
        help_text="Only you see it, in the header of your pages.",
        widget=forms.TextInput(attrs={"autocomplete": "name", "dir": "auto"}),
        error_messages={"null_characters_not_allowed": NO_NUL},
    )

    def clean_name(self) -> str:
        try:
            return name_from(str(self.cleaned_data["name"]))
        except Unusable as error:
            raise ValidationError(str(error)) from error


# -- allauth's own, in our words -------------------------------------------------------------


class CodeRequestForm(allauth.RequestLoginCodeForm):  # type: ignore[misc]
    """Ask for a code and a link by mail. An unknown address gets the same answer."""

    email = AddressField()

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"])
        if not ratelimit.consume(context.request, action="request_login_code", key=email):
            raise ImmediateHttpResponse(ratelimit.respond_429(context.request))
        found = filter_users_by_email(email, is_active=True, for_login=True)
        self._user = found[0] if found else None
        if self._user:
            own_address(self._user)
        return email


class SignInForm(allauth.LoginForm):  # type: ignore[misc]
    """Sign in with a password."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["login"] = AddressField()
        self.fields["password"] = forms.CharField(
            label="Password",
            strip=False,
            max_length=128,
            widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
            error_messages={"required": "Please type your password, or ask for a code instead."},
        )
        self.order_fields(["login", "password"])

    def _setup_password_field(self) -> None:
        """Keep the password although joining does not ask for one."""
