"""How a node is reached, and where one of its services keeps its files."""

from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import HTML, Column, Fieldset, Layout, Row
from django import forms
from django.utils.html import format_html

from certificates.forms.ssh_login import SshSecretForm
from certificates.models import Deployment, Node, Reach
from certificates.operations.reach import MAXIMUM_LIMIT, Place
from certificates.operations.ssh_login import MAXIMUM_PORT
from certificates.refusal import Refused
from certificates.sentence import say, together

_KEPT = say("Leave it empty to keep the one that is there. It is sealed, and never shown again.")
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
    reach = forms.ChoiceField(label=say("Reached"), choices=Reach.choices)
    ssh_host = forms.CharField(
        label=say("SSH host"),
        max_length=253,
        required=False,
        help_text=say("Name or address; empty: the node's host name."),
    )
    ssh_port = forms.IntegerField(
        label=say("Port"), min_value=1, max_value=MAXIMUM_PORT, initial=22
    )
    ssh_user = forms.CharField(
        label=say("User"),
        max_length=64,
        required=False,
        help_text=say("Who may write the store there."),
    )

    def __init__(self, node: Node, data: Any = None) -> None:
        names = ("reach", "ssh_host", "ssh_port", "ssh_user")
        initial = {name: getattr(node, name) for name in names}
        super().__init__(data, initial=initial)
        for name in ("password", "private_key"):
            self.fields[name].help_text = together(str(self.fields[name].help_text), _KEPT)
        self.helper = FormHelper(self)
        self.helper.form_tag = False
        self.helper.layout = Layout(
            Fieldset(
                say("Connection"),
                "reach",
                Row(Column("ssh_host"), Column("ssh_port"), Column("ssh_user")),
            ),
            Fieldset(say("Sign-in"), "password", "private_key", "passphrase"),
        )


class PlaceForm(RefusingForm):
    folder = forms.CharField(label=say("Folder"), max_length=400, required=False)
    owner = forms.CharField(
        label=say("Owner"),
        max_length=64,
        required=False,
        help_text=say("User name or number; empty: who writes them."),
    )
    group = forms.CharField(
        label=say("Group"),
        max_length=64,
        required=False,
        help_text=say("Its members may read them, too; empty: nobody but the owner."),
    )
    restart_command = forms.CharField(
        label=say("Restart command"),
        max_length=1000,
        required=False,
        help_text=say(
            "A program with its full path, and its arguments; no shell reads it."
            " Such as /usr/bin/systemctl restart tomcat10."
        ),
        widget=forms.TextInput(attrs={"spellcheck": "false"}),
    )
    restart_limit = forms.IntegerField(
        label=say("Time limit"),
        min_value=1,
        max_value=MAXIMUM_LIMIT,
        initial=60,
        help_text=say("Seconds, up to {most}.", most=MAXIMUM_LIMIT),
    )
    probe_host = forms.CharField(
        label=say("Host"),
        max_length=253,
        required=False,
        help_text=say("Empty: the node's first address."),
    )
    probe_port = forms.IntegerField(
        label=say("Port"),
        min_value=1,
        max_value=MAXIMUM_PORT,
        required=False,
        help_text=say("Where the service speaks TLS; empty: nowhere."),
    )
    probe_name = forms.CharField(
        label=say("Server name (SNI)"),
        max_length=253,
        required=False,
        help_text=say("Empty: none is sent."),
    )

    def __init__(self, place: Deployment, usual_folder: str, data: Any = None) -> None:
        super().__init__(data, initial={n: getattr(place, n) for n in Place.__slots__})
        self.fields["folder"].help_text = say("Empty: {folder}.", folder=usual_folder)
        if place.node.is_local:
            self.fields["folder"].disabled = True
            self.fields["folder"].help_text = say(
                "{folder}, as CCXSEC_STORE says.", folder=usual_folder
            )
        seen = say("After a restart a TLS handshake there must show the new certificate.")
        self.helper = FormHelper(self)
        self.helper.form_tag = False
        self.helper.layout = Layout(
            Fieldset(say("Files"), "folder", Row(Column("owner"), Column("group"))),
            Fieldset(say("Restart"), "restart_command", "restart_limit"),
            Fieldset(
                say("Where its certificate can be seen"),
                HTML(format_html('<div class="form-row"><div class="help">{}</div></div>', seen)),
                Row(Column("probe_host"), Column("probe_port"), Column("probe_name")),
            ),
        )

    def place(self) -> Place:
        """What was entered."""
        return Place(**{name: self.cleaned_data[name] for name in Place.__slots__})
