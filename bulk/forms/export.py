"""The pop-up Bulk Certificate Export: which certificates (BK-2)."""

from collections.abc import Mapping
from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Fieldset, Layout
from django import forms

from bulk.operations.content import ALL
from certificates.models import Service
from certificates.refusal import Refused
from certificates.sentence import say

_LABELS = {Service.TOMCAT: "Tomcat", Service.IPSEC: "IPSec"}


class ExportForm(forms.Form):
    """The certificate type; `counts` are the certificates that each service has to export."""

    service = forms.ChoiceField(label=say("Certificate Type"))

    def __init__(self, counts: Mapping[Service, int], data: Any = None) -> None:
        super().__init__(data, initial={"service": ALL})
        choices = [
            (service.value, f"{_LABELS[service]} ({count})") for service, count in counts.items()
        ]
        field: Any = self.fields["service"]
        field.choices = [*choices, (ALL, say("All ({count})", count=sum(counts.values())))]
        self.helper = FormHelper(self)
        self.helper.form_tag = False
        self.helper.layout = Layout(Fieldset(say("What is exported"), "service"))

    def refuse(self, refused: Refused) -> None:
        self.add_error("service" if refused.code == "export.type" else None, str(refused))
