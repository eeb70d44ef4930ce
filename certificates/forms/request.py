"""The forms of Generate CSR and Download CSR (CM-16, CM-18)."""

from collections.abc import Sequence
from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Column, Div, Field, Fieldset, Layout, Row
from django import forms
from django.conf import settings

from certificates.cells import at
from certificates.dialogs import key_of
from certificates.forms.subject import SubjectForm
from certificates.models import Node, Purpose, SigningRequest
from certificates.operations.key_choice import LEGACY
from certificates.operations.request import PENDING, pending_for, suggestions_for
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.csr import RequestHash
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


class RequestForm(SubjectForm):
    """Generate Certificate Signing Request, prepared for one node (or all) and purpose."""

    purpose = forms.ChoiceField(
        label=say("Certificate Purpose"), choices=[(p.value, p.label) for p in Purpose.own()]
    )
    node = forms.ModelChoiceField(Node.objects.all(), label=say("Node"), empty_label=None)
    distribution = forms.ChoiceField(
        label=say("Distribution"),
        choices=[
            (THIS_NODE, say("This node")),
            (MULTI_SERVER, say("Multi-server (SAN): every node")),
        ],
        help_text=say("Multi-server: one certificate and key for all nodes, with all their names."),
    )
    key = forms.ChoiceField(label=say("Key length"), initial=KeyChoice.RSA_3072.value)
    signed_with = forms.ChoiceField(
        label=say("Hash algorithm"), choices=[(name.value, name.value) for name in RequestHash]
    )
    confirm_legacy = forms.BooleanField(
        label=say("I want a legacy key of 1024 bits, which can be broken"), required=False
    )
    confirm_pending = forms.BooleanField(required=False)
    replacing = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, chosen: Node, purpose: Purpose, distribution: str, data: Any = None) -> None:
        self.nodes = [chosen]
        if distribution == MULTI_SERVER:
            self.nodes += Node.objects.in_restart_order().exclude(pk=chosen.pk)
        places = ",".join(str(node.pk) for node in self.nodes)
        self.pending = pending_for(self.nodes, purpose)
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
                "prepared_for": f"{places} {purpose} {distribution}",
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
            label = say(
                "Supersede the pending request of {made} ({common_name})",
                made=made,
                common_name=row.common_name,
            )
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
            Fieldset(say("Request"), *identity),
            self.subject_layout(),
            "replacing",
            "prepared_for",
        )

    def arguments(self) -> dict[str, Any]:
        """Arguments of `request_certificate`."""
        data = self.cleaned_data
        confirmed = {LEGACY: data["confirm_legacy"], PENDING: data["confirm_pending"]}
        return {
            "key": KeyChoice(data["key"]),
            "signed_with": RequestHash(data["signed_with"]),
            **self.subject_arguments(),
            "others": self.nodes[1:],
            "replacing": [key_of(text) or 0 for text in filter(None, data["replacing"].split(","))],
            "confirmed": [code for code, yes in confirmed.items() if yes],
        }

    def refuse(self, refused: Refused) -> None:
        """Show a refusal at the field that it is about; a stale form is for what is there now."""
        if refused.code == "state.changed":
            self.renew("replacing")
        field = _FIELD_OF.get(refused.code)
        self.add_error(field if field in self.fields else None, str(refused))


class DownloadForm(forms.Form):
    """Download Certificate Signing Request: the certificate's name."""

    request = forms.ChoiceField(label=say("Certificate Name"))

    def __init__(self, rows: Sequence[SigningRequest], data: Any = None) -> None:
        super().__init__(data)
        field = self.fields["request"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        field.choices = [(str(row.pk), f"{row.purpose} ({row.node})") for row in rows]
        self.helper = FormHelper(self)
        self.helper.form_tag = False
        self.helper.layout = Layout(Fieldset(say("Pending requests"), "request"))
