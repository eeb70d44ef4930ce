"""The forms of Generate Self-signed and Regenerate (CM-8)."""

from collections.abc import Sequence
from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Column, Div, Field, Fieldset, Layout, Row
from django import forms
from django.conf import settings

from certificates.forms.subject import SubjectForm
from certificates.models import Certificate, Node, Purpose
from certificates.operations.generate import CA_SIGNED, suggestions
from certificates.operations.key_choice import LEGACY
from certificates.refusal import Refused
from certificates.sentence import say, together
from certificates.x509.facts import CertificateType
from certificates.x509.policy import BROWSER_DAYS, DEFAULT_DAYS, MAXIMUM_DAYS, KeyChoice

# Which field a refusal belongs to; others stand above the form.
_FIELD_OF = {
    "key.size": "key",
    "key.legacy": "key",
    LEGACY: "confirm_legacy",
    CA_SIGNED: "confirm_ca_signed",
    "validity": "days",
    "name.empty": "common_name",
    "name.country": "country",
    "san.syntax": "names",
    "san.count": "names",
}
_DAYS_HELP = say(
    "Five years by default. Some browsers refuse more than {count} days.",
    count=BROWSER_DAYS,
)


def _key_choices() -> list[tuple[str, str]]:
    allowed = [c for c in KeyChoice if settings.CCXSEC_ALLOW_LEGACY or not c.is_legacy]
    return [(choice.value, choice.label) for choice in allowed]


class KeyForm(forms.Form):
    """Key, validity and confirmations: what both dialogs ask."""

    key = forms.ChoiceField(label=say("Key type and length"), initial=KeyChoice.RSA_3072.value)
    days = forms.IntegerField(
        label=say("Days of validity"),
        initial=DEFAULT_DAYS,
        min_value=1,
        max_value=MAXIMUM_DAYS,
        help_text=_DAYS_HELP,
    )
    confirm_legacy = forms.BooleanField(
        label=say("I want a legacy key of 1024 bits, which can be broken"), required=False
    )
    confirm_ca_signed = forms.BooleanField(
        label=say("Replace the CA-signed certificate by a self-signed one that clients don't know"),
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        key = self.fields["key"]
        assert isinstance(key, forms.ChoiceField)  # noqa: S101 - declared above
        key.choices = _key_choices()
        self.helper = FormHelper(self)
        self.helper.form_tag = False

    @property
    def replaces_ca_signed(self) -> bool:
        return False

    def key_layout(self) -> list[Any]:
        layout: list[Any] = [Row(Column("key"), Column("days"))]
        if settings.CCXSEC_ALLOW_LEGACY:
            layout.append(Div(Field("confirm_legacy"), data_only_for=KeyChoice.RSA_1024.value))
        if self.replaces_ca_signed:
            layout.append(Field("confirm_ca_signed"))
        return layout

    def key_arguments(self) -> dict[str, Any]:
        """Arguments of `generate` that both dialogs give."""
        data = self.cleaned_data
        confirmed = {LEGACY: data["confirm_legacy"], CA_SIGNED: data["confirm_ca_signed"]}
        return {
            "key": KeyChoice(data["key"]),
            "days": data["days"],
            "confirmed": [code for code, yes in confirmed.items() if yes],
        }

    def refuse(self, refused: Refused) -> None:
        """Show a refusal at the field that it is about.

        After "state.changed" the form is for the certificate that is in force by now: the operator
        has been told, and decides anew.
        """
        if refused.code == "state.changed":
            renewed: Any = self.data
            self.data = renewed.copy()
            self.data["replacing"] = self.initial["replacing"]  # type: ignore[index] # a copy
        field = _FIELD_OF.get(refused.code)
        self.add_error(field if field in self.fields else None, str(refused))


class GenerateForm(KeyForm, SubjectForm):
    """Generate New Self-signed Certificate, prepared for one node and purpose."""

    node = forms.ModelChoiceField(Node.objects.all(), label=say("Node"), empty_label=None)
    purpose = forms.ChoiceField(
        label=say("Certificate Purpose"), choices=[(p.value, p.label) for p in Purpose.own()]
    )
    replacing = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, chosen: Node, chosen_purpose: Purpose, data: Any = None) -> None:
        self.current = chosen.certificates.active().for_purpose(chosen_purpose).first()
        subject, names = suggestions(chosen)
        initial = {
            "node": chosen.pk,
            "purpose": chosen_purpose.value,
            "common_name": subject.common_name,
            "names": "\n".join(names),
            "replacing": self.current.fingerprint if self.current else "",
            "prepared_for": f"{chosen.pk} {chosen_purpose}",
        }
        super().__init__(data, initial=initial)
        self.fields["node"].widget.attrs["data-reload"] = "node"
        self.fields["purpose"].widget.attrs["data-reload"] = "purpose"
        self.helper.layout = Layout(
            Fieldset(
                say("Certificate"), Row(Column("purpose"), Column("node")), *self.key_layout()
            ),
            self.subject_layout(),
            "replacing",
            "prepared_for",
        )

    @property
    def replaces_ca_signed(self) -> bool:
        return self.current is not None and self.current.type == CertificateType.CA_SIGNED

    def arguments(self) -> dict[str, Any]:
        return (
            self.key_arguments()
            | self.subject_arguments()
            | {"replacing": self.cleaned_data["replacing"]}
        )


class RegenerateForm(KeyForm):
    """One key type and validity for several certificates; subject and names from their nodes."""

    certificates = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, rows: Sequence[Certificate], data: Any = None) -> None:
        self._rows = rows
        ids = ",".join(str(row.pk) for row in rows)
        super().__init__(data, initial={"certificates": ids})
        self.helper.layout = Layout(Fieldset(say("New keys"), *self.key_layout()), "certificates")

    @property
    def replaces_ca_signed(self) -> bool:
        return any(row.type == CertificateType.CA_SIGNED for row in self._rows)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if len(self._rows) != len(data.get("certificates", "").split(",")):
            wrong = say("A selected certificate was replaced since you looked at the list.")
            again = say("Go back to the list and select again.")
            raise forms.ValidationError(together(wrong, again))
        if data.get("key") == KeyChoice.RSA_1024 and not data.get("confirm_legacy"):
            self.add_error("confirm_legacy", say("Choose a longer key, or confirm this one."))
        if self.replaces_ca_signed and not data.get("confirm_ca_signed"):
            self.add_error("confirm_ca_signed", say("Confirm it, or select other certificates."))
        return data

    def arguments(self) -> dict[str, Any]:
        return self.key_arguments()
