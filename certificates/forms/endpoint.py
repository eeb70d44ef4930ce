"""Where to look what is really served."""

from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Column, Fieldset, Layout, Row
from django import forms

from certificates.forms.reach import RefusingForm
from certificates.models import Node, Service
from certificates.operations.endpoint import LAST_PORT
from certificates.sentence import say


class EndpointForm(RefusingForm):
    node = forms.ModelChoiceField(Node.objects.all(), label=say("Node"), empty_label=None)
    host = forms.CharField(
        label=say("Host"),
        max_length=253,
        required=False,
        help_text=say("Name or address; empty: the node's own."),
    )
    port = forms.IntegerField(label=say("Port"), min_value=1, max_value=LAST_PORT, initial=443)
    sni = forms.CharField(
        label=say("Server name (SNI)"),
        max_length=253,
        required=False,
        help_text=say("Empty: the host name."),
    )
    service = forms.ChoiceField(
        label=say("Service"),
        required=False,
        choices=[("", say("any of the node")), *((s.value, s.value) for s in Service)],
        help_text=say("Whose certificate should be served there."),
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        self.helper = FormHelper(self)
        self.helper.form_tag = False
        self.helper.layout = Layout(
            Fieldset(
                say("Look at an address"),
                Row(Column("node"), Column("host"), Column("port")),
                Row(Column("sni"), Column("service")),
            )
        )
