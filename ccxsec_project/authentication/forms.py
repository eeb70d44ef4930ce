"""What is typed to sign in, to prove oneself, and to set up a second factor."""

from typing import Any

from crispy_forms.helper import FormHelper
from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from ccxsec_project.authentication import lock_out, second_factor
from ccxsec_project.authentication.accounts import belongs_to, directory
from certificates.access import client_address
from certificates.models import Action, Event
from certificates.refusal import Refused
from certificates.sentence import say


class SignInForm(AdminAuthenticationForm):
    """Name and password, within limits; `attempt` is the one that was counted and was right."""

    attempt: lock_out.Attempt

    def clean(self) -> dict[str, Any]:
        name, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if not name or not password or self.request is None:
            return super().clean()
        try:
            with lock_out.counted(self.request, name) as self.attempt:
                return super().clean()
        except Refused as refused:
            raise ValidationError(str(refused), code=refused.code) from None


class CodeForm(forms.Form):
    """A code of the authenticator app, or a recovery code."""

    code = forms.CharField(
        label=say("Code"),
        max_length=40,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "autocapitalize": "none",
                "spellcheck": "false",
                "autofocus": True,
            }
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper = FormHelper(self)
        self.helper.form_tag = False


class ProofForm(forms.Form):
    """The password again, or for who has a second factor a code of it."""

    proof_password = forms.CharField(
        label=say("Password"),
        required=False,
        max_length=4096,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )
    proof_code = forms.CharField(
        label=say("Or a code of your second factor"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code"}),
    )

    def __init__(self, user: User, data: Any = None) -> None:
        super().__init__(data)
        self.user = user
        if not user.has_usable_password() and not belongs_to(user, directory()):
            del self.fields["proof_password"]  # who signs in by a provider
        if not second_factor.is_enrolled(user):
            del self.fields["proof_code"]
        self.helper = FormHelper(self)
        self.helper.form_tag = False

    def prove(self, request: HttpRequest) -> None:
        """Raises `Refused` proof.wrong."""
        password = self.cleaned_data.get("proof_password", "")
        code = self.cleaned_data.get("proof_code", "")
        if password:
            name = self.user.get_username()
            found = authenticate(request, username=name, password=password)
            if found is not None and found.pk == self.user.pk:
                return
        elif code and is_right_code(request, self.user, code):
            return
        wrong = (
            say("That is not the password.")
            if password or not code
            else say("That code is not right.")
        )
        raise Refused("proof.wrong", wrong, say("Type it again."))


def is_right_code(request: HttpRequest, user: User, code: str) -> bool:
    """Ask the second factor; a wrong code is told in the audit log."""
    actor = f"{user.get_username()}, {client_address(request)}"
    if second_factor.accepts(user, code, actor=actor, now=timezone.now()):
        return True
    with transaction.atomic():
        Event.objects.record(actor, Action.PROOF_FAILED, user, what="second factor")
    return False


class KeyForm(forms.Form):
    """A name for a security key, and what the browser brought from it."""

    name = forms.CharField(
        label=say("Name of the key"), max_length=60, help_text=say("Such as: blue, at work.")
    )
    answer = forms.CharField(widget=forms.HiddenInput, max_length=20_000, required=False)
