"""The subject of a certificate or request, as a dialog asks for it."""

from typing import Any

from crispy_forms.layout import HTML, Column, Fieldset, Row
from django import forms
from django.utils.html import format_html

from certificates.sentence import say, say_as, together
from certificates.x509.names import Subject

_PARTS = ("common_name", "organization", "organizational_unit", "locality", "state")
# Unfolded where something is wrong: it may be in there.
_FOLDED = "<details{% if form.errors %} open{% endif %}>"


class SubjectForm(forms.Form):
    """Names and organization, prepared for one place that the dialog was opened for.

    `prepared_for` names that place in the page; where it is another one by now, the values below
    belong to the former, and are exchanged.
    """

    common_name = forms.CharField(label=say("Common name"), max_length=64)
    names = forms.CharField(
        label=say("Subject alternative names"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text=say("Host names and IP addresses by which clients call the server, one a line."),
    )
    organization = forms.CharField(label=say("Organization"), max_length=64, required=False)
    organizational_unit = forms.CharField(
        label=say("Organizational unit"), max_length=64, required=False
    )
    locality = forms.CharField(label=say("City"), max_length=128, required=False)
    state = forms.CharField(label=say_as("part of a name", "State"), max_length=128, required=False)
    country = forms.CharField(
        label=say("Country"),
        max_length=60,
        required=False,
        help_text=say("Two letters, such as DE."),
    )
    prepared_for = forms.CharField(widget=forms.HiddenInput, required=False)

    def subject_layout(self) -> Fieldset:
        return Fieldset(
            say("Subject"),
            "common_name",
            "names",
            HTML(_FOLDED + format_html("<summary>{}</summary>", say("Organization and place"))),
            Row(Column("organization"), Column("organizational_unit")),
            Row(Column("locality"), Column("state"), Column("country")),
            HTML("</details>"),
        )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("prepared_for") != self.initial["prepared_for"]:
            self.renew(*self.initial)
            wrong = say("You have chosen another node or purpose; the values below are now for it.")
            again = say("Look at them, then press Generate again.")
            raise forms.ValidationError(together(wrong, again))
        return data

    def renew(self, *names: str) -> None:
        """Put what holds now in the place of what the browser sent."""
        renewed: Any = self.data
        renewed = renewed.copy()
        for name in names:
            renewed[name] = self.initial[name]
        self.data = renewed

    def subject_arguments(self) -> dict[str, Any]:
        """Arguments of the operation: subject and alternative names."""
        data = self.cleaned_data
        return {
            "subject": Subject(**{p: data[p] for p in _PARTS}, country=data["country"].upper()),
            "names": data["names"].replace(",", "\n").splitlines(),
        }
