"""The window of the manual: the SFTP server, and as whom this cluster takes part (BK-1)."""

from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Column, Fieldset, Layout, Row
from django import forms
from django.http import QueryDict

from bulk.models import ExchangeServer
from bulk.operations import UnknownHostKey
from certificates.forms.ssh_login import SshSecretForm
from certificates.operations.ssh_login import MAXIMUM_PORT
from certificates.refusal import Refused
from certificates.sentence import say

OTHER_KEY = "host-key.other"
_KEPT = say("A password or private key is kept, sealed; it is never shown. Empty: it stays.")
_NEW = say("Sealed, and never shown again.")
_PLAIN = {"spellcheck": "false", "autocapitalize": "none", "autocomplete": "off"}
_FIELD_OF = {
    "exchange.host": "host",
    "san.syntax": "host",
    "address.syntax": "host",
    "sftp.unreachable": "host",
    "sftp.silent": "host",
    "sftp.no-sftp": "host",
    "sftp.forbidden": "host",
    OTHER_KEY: "host",
    "port": "port",
    "reach.user": "user",
    "reach.secret": "password",
    "reach.key": "private_key",
    "sftp.login": "password",
    "exchange.directory": "directory",
    "sftp.folder-missing": "directory",
    "sftp.folder-denied": "directory",
    "sftp.denied": "directory",
    "sftp.full": "directory",
    "sftp.crowded": "directory",
    "name.control": "cluster_name",
}


class ServerForm(SshSecretForm):
    """The values of the server. Password and private key come in, and never go out again."""

    host = forms.CharField(
        label=say("IP address or host"),
        max_length=253,
        required=False,
        widget=forms.TextInput(attrs=_PLAIN),
        help_text=say("Of the SFTP server that all clusters exchange through."),
    )
    port = forms.IntegerField(label=say("Port"), min_value=1, max_value=MAXIMUM_PORT, initial=22)
    user = forms.CharField(
        label=say("User ID"), max_length=64, required=False, widget=forms.TextInput(attrs=_PLAIN)
    )
    directory = forms.CharField(
        label=say("Directory"),
        max_length=400,
        required=False,
        widget=forms.TextInput(attrs=_PLAIN),
        help_text=say("The same for all clusters. “.” is the folder in which the user begins."),
    )
    cluster_name = forms.CharField(
        label=say("This cluster's name"),
        max_length=100,
        required=False,
        help_text=say("As the other clusters are told. Empty: the publisher's host name."),
    )
    host_key = forms.CharField(required=False, max_length=100, widget=forms.HiddenInput)

    def __init__(
        self,
        row: ExchangeServer,
        data: QueryDict | None = None,
        *,
        has_secret: bool = False,
        may_change: bool = True,
    ) -> None:
        names = ("host", "port", "user", "directory", "cluster_name")
        given = data.dict() if data is not None else None
        super().__init__(given, initial={name: getattr(row, name) for name in names})
        self.confirming = ""
        self.fields["password"].help_text = _KEPT if has_secret else _NEW
        for field in self.fields.values():
            field.disabled = not may_change
        self.helper = FormHelper(self)
        self.helper.form_tag = False
        signing_in: list[Any] = ["user"]
        if may_change:
            signing_in = [
                Row(Column("user"), Column("password")),
                Row(Column("private_key"), Column("passphrase")),
            ]
        self.helper.layout = Layout(
            Fieldset(say("Address"), Row(Column("host"), Column("port"), Column("directory"))),
            Fieldset(say("Sign-in"), *signing_in),
            Fieldset(say("This cluster"), "cluster_name"),
            "host_key",
        )

    @property
    def is_compared(self) -> bool:
        """Whether the host key was compared just now: what was typed before that is kept still."""
        return self.is_bound and bool(self.data.get("host_key"))

    @property
    def has_typed_secret(self) -> bool:
        """Whether a secret came in: it does not go out again, so it is asked for once more."""
        return self.is_bound and any(self.data.get(name) for name in ("password", "private_key"))

    def refuse(self, refused: Refused) -> None:
        """Show a refusal at the field that it is about; a host key to compare is none.

        A key that was compared already need not be compared again, as long as it is that one.
        """
        if isinstance(refused, UnknownHostKey):
            self.confirming = refused.offered
            return
        if refused.code == OTHER_KEY:
            renewed: Any = {**self.data, "host_key": ""}
            self.data = renewed
        self.add_error(_FIELD_OF.get(refused.code), str(refused))

    def typed(self) -> dict[str, Any]:
        """What is sent once more with a confirmed host key: everything that is no secret."""
        names = ("host", "port", "user", "directory", "cluster_name")
        return {name: self.cleaned_data[name] for name in names}
