"""The forms with which a superuser makes colleagues."""

from typing import Any

from django import forms
from django.contrib.auth.models import Group

from standfirst.members.actions import trust_from_now_on
from standfirst.members.models import Member


class _Colleague(forms.ModelForm):  # type: ignore[type-arg]
    groups = forms.ModelMultipleChoiceField(
        queryset=Group.objects.order_by("name"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Writers draft and submit; Editors review, publish and look after members.",
    )

    class Meta:
        model = Member
        fields = ("name", "is_superuser", "groups")
        labels = {"is_superuser": "Administrator"}
        help_texts = {"is_superuser": "May do everything, also make others administrators."}

    def save(self, commit: bool = True) -> Member:
        known = Member.objects.filter(pk=self.instance.pk, is_staff=False).exists()
        member: Member = super().save(commit)
        if known and member.is_staff:
            trust_from_now_on(member)
        return member


class AddColleague(_Colleague):
    """A new colleague by address; a member with that address becomes one and keeps all they have.

    Without a password: they sign in with a code that is mailed to them.
    """

    email = forms.EmailField(max_length=254, label="Address")
    field_order = ("email", "name", "groups", "is_superuser")

    class Meta(_Colleague.Meta):
        fields = ("email", *_Colleague.Meta.fields)  # type: ignore[assignment]

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"]).lower()
        known = Member.objects.filter(email__iexact=email).first()
        if known:
            self.instance = known
            return known.email
        return email

    def save(self, commit: bool = True) -> Member:
        if not self.instance.pk:
            self.instance.set_unusable_password()
        self.instance.is_staff = True
        self.instance.is_active = True
        return super().save(commit)


class EditColleague(_Colleague):
    """What a member is in the newsroom. Who is no longer staff keeps no group and no power."""

    class Meta(_Colleague.Meta):
        fields = ("name", "is_staff", "groups", "is_superuser")  # type: ignore[assignment]

    def __init__(self, *args: Any, editing_self: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if editing_self:
            # Nobody locks themselves out.
            for name in ("is_staff", "is_superuser"):
                self.fields.pop(name)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "is_staff" in cleaned and not cleaned["is_staff"]:
            cleaned["groups"] = Group.objects.none()
            cleaned["is_superuser"] = False
        return cleaned
