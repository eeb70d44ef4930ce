"""How a node is reached, and where one of its services keeps its files."""

from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import HTML, Column, Fieldset, Layout, Row
from django import forms

from certificates.forms.ssh_login import SshSecretForm
from certificates.models import Deployment, Node, Reach
from certificates.operations.reach import MAXIMUM_LIMIT, Place
from certificates.operations.ssh_login import MAXIMUM_PORT
from certificates.refusal import Refused

_KEPT = "Leave it empty to keep the one that is there. It is sealed, and never shown again."
_FIELD_OF = {
    "reach.user": "ssh_user",
    "reach.secret": "password",
    "reach.key": "private_key",
    "place.folder": "folder",
    "place.command": "restart_command",
    "place.limit": "restart_limit",
}


class RefusingForm(forms.Form):
    """Shows a refusal of the operation at the field that it is about."""

    def refuse(self, refused: Refused) -> None:
        field = _FIELD_OF.get(refused.code)
        self.add_error(field if field in self.fields else None, str(refused))


class ReachForm(RefusingForm, SshSecretForm):
    reach = forms.ChoiceField(label="Reached", choices=Reach.choices)
    ssh_host = forms.CharField(
        label="SSH host",
        max_length=253,
        required=False,
        help_text="Name or address; empty: the node's host name.",
    )
    ssh_port = forms.IntegerField(label="Port", min_value=1, max_value=MAXIMUM_PORT, initial=22)
    ssh_user = forms.CharField(
        label="User", max_length=64, required=False, help_text="Who may write the store there."
    )

    def __init__(self, node: Node, data: Any = None) -> None:
        names = ("reach", "ssh_host", "ssh_port", "ssh_user")
        initial = {name: getattr(node, name) for name in names}
        super().__init__(data, initial=initial)
        for name in ("password", "private_key"):
            help_text = f"{self.fields[name].help_text} {_KEPT}"
            self.fields[name].help_text = help_text.lstrip()
        self.helper = FormHelper(self)
        self.helper.form_tag = False
        self.helper.layout = Layout(
            Fieldset(
                "Connection",
                "reach",
                Row(Column("ssh_host"), Column("ssh_port"), Column("ssh_user")),
            ),
            Fieldset("Sign-in", "password", "private_key", "passphrase"),
        )


class PlaceForm(RefusingForm):
    folder = forms.CharField(max_length=400, required=False)
    owner = forms.CharField(
        max_length=64, required=False, help_text="User name or number; empty: who writes them."
    )
    group = forms.CharField(
        max_length=64,
        required=False,
        help_text="Its members may read them, too; empty: nobody but the owner.",
    )
    restart_command = forms.CharField(
        max_length=1000,
        required=False,
        help_text="A program with its full path, and its arguments; no shell reads it."
        " Such as /usr/bin/systemctl restart tomcat10.",
        widget=forms.TextInput(attrs={"spellcheck": "false"}),
    )
    restart_limit = forms.IntegerField(
        label="Time limit",
        min_value=1,
        max_value=MAXIMUM_LIMIT,
        initial=60,
        help_text=f"Seconds, up to {MAXIMUM_LIMIT}.",
    )
    probe_host = forms.CharField(
        label="Host", max_length=253, required=False, help_text="Empty: the node's first address."
    )
    probe_port = forms.IntegerField(
        label="Port",
        min_value=1,
        max_value=MAXIMUM_PORT,
        required=False,
        help_text="Where the service speaks TLS; empty: nowhere.",
    )
    probe_name = forms.CharField(
        label="Server name (SNI)", max_length=253, required=False, help_text="Empty: none is sent."
    )

    def __init__(self, place: Deployment, usual_folder: str, data: Any = None) -> None:
        super().__init__(data, initial={n: getattr(place, n) for n in Place.__slots__})
        self.fields["folder"].help_text = f"Empty: {usual_folder}."
        if place.node.is_local:
            self.fields["folder"].disabled = True
            self.fields["folder"].help_text = f"{usual_folder}, as CCXSEC_STORE says."
        seen = "After a restart a TLS handshake there must show the new certificate."
        self.helper = FormHelper(self)
        self.helper.form_tag = False
        self.helper.layout = Layout(
            Fieldset("Files", "folder", Row(Column("owner"), Column("group"))),
            Fieldset("Restart", "restart_command", "restart_limit"),
            Fieldset(
                "Where its certificate can be seen",
                HTML(f'<div class="form-row"><div class="help">{seen}</div></div>'),
                Row(Column("probe_host"), Column("probe_port"), Column("probe_name")),
            ),
        )

    def place(self) -> Place:
        """What was entered."""
        return Place(**{name: self.cleaned_data[name] for name in Place.__slots__})
