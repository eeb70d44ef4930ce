"""The forms of Generate CSR and Download CSR (CM-16, CM-18)."""

from collections.abc import Sequence
from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import HTML, Column, Div, Field, Fieldset, Layout, Row
from django import forms
from django.conf import settings

from certificates.cells import at
from certificates.models import Node, Purpose, SigningRequest
from certificates.operations.key_choice import LEGACY
from certificates.operations.request import PENDING, pending_for, suggestions_for
from certificates.refusal import Refused
from certificates.x509.csr import RequestHash
from certificates.x509.names import Subject
from certificates.x509.policy import KeyChoice

THIS_NODE, MULTI_SERVER = "node", "multi-server"
_FIELD_OF = {
    "key.size": "key",
    "key.legacy": "key",
    LEGACY: "confirm_legacy",
    PENDING: "confirm_pending",
    "name.empty": "common_name",
    "name.country": "country",
    "request.hash": "signed_with",
    "san.syntax": "names",
    "san.count": "names",
}


class RequestForm(forms.Form):
    """Generate Certificate Signing Request, prepared for one node (or all) and purpose."""

    purpose = forms.ChoiceField(
        label="Certificate Purpose", choices=[(p.value, p.label) for p in Purpose.own()]
    )
    node = forms.ModelChoiceField(Node.objects.all(), empty_label=None)
    distribution = forms.ChoiceField(
        choices=[(THIS_NODE, "This node"), (MULTI_SERVER, "Multi-server (SAN): every node")],
        help_text="Multi-server: one certificate and key for all nodes, with all their names.",
    )
    key = forms.ChoiceField(label="Key length", initial=KeyChoice.RSA_3072.value)
    signed_with = forms.ChoiceField(
        label="Hash algorithm", choices=[(name.value, name.value) for name in RequestHash]
    )
    confirm_legacy = forms.BooleanField(
        label="I want a legacy key of 1024 bits, which can be broken", required=False
    )
    common_name = forms.CharField(max_length=64)
    names = forms.CharField(
        label="Subject alternative names",
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text="Host names and IP addresses by which clients call the server, one a line.",
    )
    organization = forms.CharField(max_length=64, required=False)
    organizational_unit = forms.CharField(max_length=64, required=False)
    locality = forms.CharField(label="City", max_length=128, required=False)
    state = forms.CharField(max_length=128, required=False)
    country = forms.CharField(max_length=2, required=False, help_text="Two letters, such as DE.")
    confirm_pending = forms.BooleanField(required=False)
    replacing = forms.CharField(widget=forms.HiddenInput, required=False)
    prepared_for = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, chosen: Node, purpose: Purpose, distribution: str, data: Any = None) -> None:
        self.nodes = [chosen]
        if distribution == MULTI_SERVER:
            self.nodes += Node.objects.in_restart_order().exclude(pk=chosen.pk)
        self.pending = pending_for(self.nodes, purpose)
        self._place = f"{chosen.pk} {purpose} {distribution}"
        subject, names = suggestions_for(self.nodes)
        super().__init__(
            data,
            initial={
                "node": chosen.pk,
                "purpose": purpose.value,
                "distribution": distribution,
                "common_name": subject.common_name,
                "names": "\n".join(names),
                "replacing": ",".join(str(row.pk) for row in self.pending),
                "prepared_for": self._place,
            },
        )
        self._prepare_fields()
        self.helper = FormHelper(self)
        self.helper.form_tag = False
        self.helper.layout = self._layout()

    def _prepare_fields(self) -> None:
        allowed = [c for c in KeyChoice if c.is_rsa]
        allowed = [c for c in allowed if settings.CCXSEC_ALLOW_LEGACY or not c.is_legacy]
        key = self.fields["key"]
        assert isinstance(key, forms.ChoiceField)  # noqa: S101 - declared above
        key.choices = [(choice.value, choice.label) for choice in allowed]
        for name in ("node", "purpose", "distribution"):
            self.fields[name].widget.attrs["data-reload"] = name
        if self.pending:
            row = self.pending[0]
            made = at(row.created_at)
            label = f"Supersede the pending request of {made} ({row.common_name})"
            self.fields["confirm_pending"].label = label

    def _layout(self) -> Layout:
        several = Node.objects.count() > 1
        place = [Column("purpose"), Column("node"), *([Column("distribution")] if several else [])]
        identity: list[Any] = [Row(*place), Row(Column("key"), Column("signed_with"))]
        if not several:
            identity.append(Field("distribution", type="hidden"))
            self.fields["distribution"].widget = forms.HiddenInput()
        if settings.CCXSEC_ALLOW_LEGACY:
            identity.append(Div(Field("confirm_legacy"), data_only_for=KeyChoice.RSA_1024.value))
        if self.pending:
            identity.append(Field("confirm_pending"))
        return Layout(
            Fieldset("Request", *identity),
            Fieldset(
                "Subject",
                "common_name",
                "names",
                HTML("<details><summary>Organization and place</summary>"),
                Row(Column("organization"), Column("organizational_unit")),
                Row(Column("locality"), Column("state"), Column("country")),
                HTML("</details>"),
            ),
            "replacing",
            "prepared_for",
        )

    def clean(self) -> dict[str, Any]:
        """The values below belong to the place that the dialog was opened for."""
        data = super().clean() or self.cleaned_data
        if data.get("prepared_for") != self._place:
            self._renew(*self.initial)
            wrong = "You have chosen another place; the values below are now for it."
            raise forms.ValidationError(f"{wrong} Look at them, then press Generate again.")
        return data

    def _renew(self, *names: str) -> None:
        renewed: Any = self.data
        renewed = renewed.copy()
        for name in names:
            renewed[name] = self.initial[name]
        self.data = renewed

    def arguments(self) -> dict[str, Any]:
        """Arguments of `request_certificate`."""
        data = self.cleaned_data
        parts = ("common_name", "organization", "organizational_unit", "locality", "state")
        subject = Subject(**{part: data[part] for part in parts}, country=data["country"].upper())
        confirmed = {LEGACY: data["confirm_legacy"], PENDING: data["confirm_pending"]}
        return {
            "key": KeyChoice(data["key"]),
            "signed_with": RequestHash(data["signed_with"]),
            "subject": subject,
            "names": data["names"].replace(",", "\n").splitlines(),
            "others": self.nodes[1:],
            "replacing": [int(key) for key in data["replacing"].split(",") if key.isdecimal()],
            "confirmed": [code for code, yes in confirmed.items() if yes],
        }

    def refuse(self, refused: Refused) -> None:
        """Show a refusal at the field that it is about; a stale form is for what is there now."""
        if refused.code == "state.changed":
            self._renew("replacing")
        field = _FIELD_OF.get(refused.code)
        self.add_error(field if field in self.fields else None, str(refused))


class DownloadForm(forms.Form):
    """Download Certificate Signing Request: the certificate's name."""

    request = forms.ChoiceField(label="Certificate Name")

    def __init__(self, rows: Sequence[SigningRequest], data: Any = None) -> None:
        super().__init__(data)
        field = self.fields["request"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        field.choices = [(str(row.pk), f"{row.purpose} ({row.node})") for row in rows]
        self.helper = FormHelper(self)
        self.helper.form_tag = False
        self.helper.layout = Layout(Fieldset("Pending requests", "request"))
