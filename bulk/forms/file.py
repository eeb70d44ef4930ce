"""A PKCS#12 of another system: for which trust store, and the pass phrase that opens it."""

from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Fieldset, Layout
from django import forms

from certificates.models import Purpose
from certificates.refusal import Refused
from certificates.sentence import say

_STORES = (Purpose.TOMCAT_TRUST, Purpose.IPSEC_TRUST)


class FileForm(forms.Form):
    """The pass phrase is used once, and never kept or shown."""

    name = forms.CharField(max_length=400, widget=forms.HiddenInput)
    purpose = forms.ChoiceField(
        label=say("Trust store"), choices=[(store.value, store.label) for store in _STORES]
    )
    passphrase = forms.CharField(
        label=say("Pass phrase of the file"),
        max_length=200,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=say("It opens the file once, and is not kept."),
    )

    def __init__(self, name: str, data: Any = None) -> None:
        super().__init__(data, initial={"name": name})
        self.helper = FormHelper(self)
        self.helper.form_tag = False
        self.helper.layout = Layout(
            Fieldset(say("Read certificates"), "purpose", "passphrase"), "name"
        )

    def refuse(self, refused: Refused) -> None:
        """A pass phrase that does not open the file is told at its field."""
        at = "passphrase" if refused.code.startswith("pkcs12.") else None
        self.add_error(at, str(refused))
