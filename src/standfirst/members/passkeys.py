"""allauth's passkey forms, answering every malformed credential with a sentence.

They let errors of the WebAuthn library through, which would be answered with 500.
"""

import struct
from typing import Any

from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from django.core.exceptions import ValidationError

REFUSED = "This passkey was not accepted. Please try again."
MALFORMED = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, struct.error)


class AddPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]
    """A new passkey; always one that signs in by itself."""

    def clean(self) -> dict[str, Any]:
        try:
            return dict(super().clean())
        except MALFORMED as error:
            raise ValidationError(REFUSED) from error


class PasskeySignInForm(LoginWebAuthnForm):  # type: ignore[misc]
    """Sign in with a passkey."""

    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()
        except MALFORMED as error:
            raise ValidationError(REFUSED) from error


class PasskeyAgainForm(ReauthenticateWebAuthnForm):  # type: ignore[misc]
    """Show a passkey to prove that it is still you."""

    def clean_credential(self) -> Any:
        try:
            return super().clean_credential()
        except MALFORMED as error:
            raise ValidationError(REFUSED) from error
