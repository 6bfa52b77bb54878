"""What a reader types to join, and the sentences they get when it cannot be."""

from django import forms
from django.contrib.auth.password_validation import validate_password


class JoinForm(forms.Form):
    """An address is enough; a password is optional."""

    email = forms.EmailField(
        max_length=254,
        label="Your e-mail address",
        error_messages={
            "required": "Please type your e-mail address.",
            "invalid": "This is not a complete e-mail address. Write it like name@example.org.",
        },
    )
    password = forms.CharField(
        required=False,
        strip=False,
        max_length=128,
        label="Password (optional)",
        help_text="Without one you sign in with a code we mail to you.",
    )

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).strip().lower()

    def clean_password(self) -> str:
        password = str(self.cleaned_data.get("password") or "")
        if password:
            validate_password(password)
        return password
