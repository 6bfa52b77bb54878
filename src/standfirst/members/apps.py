from django.apps import AppConfig


class MembersConfig(AppConfig):
    name = "standfirst.members"
    label = "members"

    def ready(self) -> None:
        from allauth.account.signals import email_confirmed

        from standfirst.members.sign_in import after_confirmation_by_code

        # allauth tells of a code sign-in's proof by signal alone.
        email_confirmed.connect(after_confirmation_by_code, dispatch_uid="standfirst.members")
