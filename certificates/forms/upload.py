"""The forms of Upload Certificate or Certificate Chain (CM-11)."""

import base64
import binascii
from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Column, Fieldset, Layout, Row
from django import forms

from certificates.models import Node, Purpose
from certificates.operations.examination import WARNINGS, Examination
from certificates.sentence import say, say_count

LONGEST_TEXT = 1024 * 1024  # characters of pasted text: one certificate


class ForgetfulTextarea(forms.Textarea):
    """Never shows again what was pasted: it may be a private key."""

    def format_value(self, value: Any) -> str:
        return ""


class UploadForm(forms.Form):
    """A file or pasted text, and what it is for."""

    purpose = forms.ChoiceField(label=say("Certificate Purpose"), choices=Purpose.choices)
    node = forms.ModelChoiceField(Node.objects.all(), label=say("Node"), empty_label=None)
    file = forms.FileField(
        label=say("File"),
        required=False,
        allow_empty_file=True,
        help_text=say("A certificate in PEM (exactly one) or DER, or a chain as PKCS#7 in DER."),
        widget=forms.FileInput(attrs={"accept": ".pem,.crt,.cer,.der,.p7b,.p7c,.txt"}),
    )
    text = forms.CharField(
        label=say("Or pasted text"),
        required=False,
        strip=False,
        max_length=LONGEST_TEXT,
        widget=ForgetfulTextarea(
            attrs={
                "rows": 5,
                "spellcheck": "false",
                "placeholder": "-----BEGIN CERTIFICATE-----",
            }
        ),
    )

    def __init__(self, node: Node, purpose: Purpose, data: Any = None, files: Any = None) -> None:
        super().__init__(data, files, initial={"node": node.pk, "purpose": purpose.value})
        self.helper = FormHelper(self)
        self.helper.form_tag = False
        self.helper.layout = Layout(
            Fieldset(say("What and where"), Row(Column("purpose"), Column("node")), "file", "text")
        )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if (data.get("file") is None) == (not data.get("text")):
            wrong = say("Choose a file, or paste the text of a certificate: one of the two.")
            raise forms.ValidationError(wrong)
        return data

    def uploaded(self) -> bytes:
        """What was chosen or pasted."""
        file = self.cleaned_data["file"]
        if file is not None:
            content: bytes = file.read()
            return content
        return str(self.cleaned_data["text"]).encode()


class InstallForm(forms.Form):
    """What was examined, as the operator saw it: it comes back to be installed.

    The file travels in the page, since nothing of an upload is kept before it is installed.
    """

    purpose = forms.ChoiceField(choices=Purpose.choices, widget=forms.HiddenInput)
    node = forms.ModelChoiceField(Node.objects.all(), widget=forms.HiddenInput)
    content = forms.CharField(widget=forms.HiddenInput)
    shown = forms.CharField(widget=forms.HiddenInput)
    confirm = forms.BooleanField(required=False)

    def __init__(self, examined: Examination, content: bytes) -> None:
        initial = {
            "purpose": examined.purpose.value,
            "node": examined.node.pk,
            "content": base64.b64encode(content).decode(),
            "shown": examined.shown,
        }
        super().__init__(initial=initial)
        warnings = len(examined.warnings)
        self.fields["confirm"].label = say_count(
            "I have read the warning, and want it all the same",
            "I have read the {count} warnings, and want it all the same",
            warnings,
        )
        if not warnings:
            del self.fields["confirm"]
        self.helper = FormHelper(self)
        self.helper.form_tag = False

    @staticmethod
    def content_of(text: str) -> bytes:
        """The file that a page brought back; b"" for what no page of ours holds."""
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            return b""

    @staticmethod
    def confirmed(data: Any) -> list[str]:
        return [WARNINGS] if data.get("confirm") else []
