"""The other side's export: a file, or pasted text."""

from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Fieldset, Layout
from django import forms
from django.utils.translation import gettext_lazy as _

from certificates.refusal import Refused
from certificates.sentence import say
from ipsec.exchange.reading import LARGEST


class PeerFileForm(forms.Form):
    """One of the two; what is wrong with it is shown at the one that was given."""

    file = forms.FileField(
        label=say("File"),
        required=False,
        allow_empty_file=True,
        help_text=say("The JSON that Export for the peer made on the other side."),
        widget=forms.FileInput(attrs={"accept": ".json,application/json"}),
    )
    text = forms.CharField(
        label=say("Or pasted text"),
        required=False,
        strip=False,
        max_length=LARGEST,
        widget=forms.Textarea(
            attrs={"rows": 6, "spellcheck": "false", "placeholder": '{"format": "…", …}'}
        ),
    )

    def __init__(self, data: Any = None, files: Any = None) -> None:
        super().__init__(data, files)
        self.helper = FormHelper(self)
        self.helper.form_tag = False
        self.helper.layout = Layout(Fieldset(_("The other side's export"), "file", "text"))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not self.errors and (data.get("file") is None) == (not data.get("text")):
            self.add_error("file", say("Choose a file, or paste its text; one of the two."))
        return data

    def content(self) -> bytes:
        """What was given; of a file no more than can be an export."""
        file = self.cleaned_data["file"]
        if file is None:
            return str(self.cleaned_data["text"]).encode(errors="replace")
        return bytes(file.read(LARGEST + 1))

    def refuse(self, refused: Refused) -> None:
        """Show what is wrong with the export at where it came from."""
        self.add_error("file" if self.cleaned_data.get("file") else "text", str(refused))
