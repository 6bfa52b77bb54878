"""How allauth behaves in this house."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context, ratelimit
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from standfirst.members.actions import ask_to_sign_in
from standfirst.members.sign_in import is_ours, next_of, proved_by_mail_just_now
from standfirst.publication.queries import the_publication

SAID_BY_THE_PAGE = ("logged_in", "logged_out", "login_code_sent", "email_confirmed")


class MemberAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """allauth's adapter: our mail, our sentences, nobody sent to a foreign host."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": (
            "Address and password do not fit. Try again, or have a code mailed to you above."
        ),
        "incorrect_code": "This is not the code in our newest mail. Please look again.",
        "incorrect_password": "This is not your password.",
        "too_many_login_attempts": "That was too often. Ask for a new code.",
        "rate_limited": "That was too often. Please wait some minutes.",
    }

    def is_safe_url(self, url: str) -> bool:
        return is_ours(context.request, url)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Hand allauth's mails to our own: the worker sends them (see project.reactions)."""
        if template_prefix in {"account/email/login_code", "account/email/unknown_account"}:
            ask_to_sign_in(email, context.get("code", ""), next=next_of(self.request))

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        *args: Any,
        **options: Any,
    ) -> None:
        """Kept pages show no messages, so only those are left that an account page will show."""
        if message_template and any(name in message_template for name in SAID_BY_THE_PAGE):
            return
        super().add_message(request, level, message_template, *args, **options)

    def validation_error(self, code: str, *args: Any) -> ValidationError:
        if code == "too_many_login_attempts":
            raise ImmediateHttpResponse(ratelimit.respond_429(context.request))
        error: ValidationError = super().validation_error(code, *args)
        return error

    def get_login_stages(self) -> list[str]:
        """A passkey is another way in, not a second lock: a code by mail opens the account, too."""
        return [stage for stage in super().get_login_stages() if ".mfa." not in stage]

    def is_reauthentication_required(self, *, app: str, **options: Any) -> bool:
        """Who has just come in by mail need not show a password or passkey they may have lost."""
        if proved_by_mail_just_now(context.request):
            return False
        return bool(super().is_reauthentication_required(app=app, **options))

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        names = {"mfa_reauthenticate:webauthn": "Use a passkey"}
        return [
            {**method, "description": names.get(method["id"], method["description"])}
            for method in super().get_reauthentication_methods(user)
        ]


class PasskeyAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Passkeys carry the magazine's name."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "unverified_email": "Please confirm your e-mail address before you add a passkey.",
        "incorrect_code": "This passkey was not accepted. Please try again.",
    }

    def _get_site_name(self) -> str:
        return the_publication().name

    def generate_authenticator_name(self, user: Any, type: Any) -> str:
        return "My passkey"
