"""The dialog of a new API token: what it may do, for how long, from where."""

from typing import TYPE_CHECKING, Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Column, Fieldset, Layout, Row
from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from ccxsec_project.api.models import NAME_LENGTH
from certificates.access import Permission
from certificates.refusal import Refused
from certificates.sentence import say, say_as

if TYPE_CHECKING:
    from certificates.access import AnyUser

_FIELD_OF = {
    "token.name": "name",
    "token.scopes": "scopes",
    "token.days": "days",
    "token.networks": "networks",
}
LABELS = {
    Permission.VIEW: say("See certificates, requests, restarts and the monitor"),
    Permission.DOWNLOAD: say("Download certificates and requests"),
    Permission.GENERATE: say("Generate certificates and requests"),
    Permission.UPLOAD: say("Upload certificates, roll back"),
    Permission.DELETE: say("Delete trust certificates"),
    Permission.DEPLOY: say("Deploy to nodes"),
    Permission.RESTART: say("Restart services"),
    Permission.CONFIGURE: say("Configure the monitor, cancel jobs"),
    Permission.BACKUP: say("Make backups"),
    Permission.VIEW_NODES: say("See nodes"),
    Permission.VIEW_JOBS: say("See jobs"),
    Permission.VIEW_EVENTS: say("Read the audit log"),
    Permission.VIEW_POLICIES: say("See IPsec policies"),
    Permission.CONFIGURE_POLICIES: say("Change IPsec policies"),
    Permission.OPERATE_POLICIES: say("Connect and diagnose IPsec policies"),
    Permission.VIEW_BULK: say("See the exchange"),
    Permission.CONFIGURE_BULK: say("Configure the exchange"),
    Permission.RUN_BULK: say("Export, consolidate, import"),
}
_READING = (
    Permission.VIEW,
    Permission.VIEW_NODES,
    Permission.VIEW_JOBS,
    Permission.VIEW_POLICIES,
    Permission.VIEW_BULK,
)


class TokenForm(forms.Form):
    """Begins with reading alone, for 90 days: more is chosen, never forgotten."""

    name = forms.CharField(
        label=say("Name"),
        max_length=NAME_LENGTH,
        help_text=say("What will use it: the audit log names it so."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    days = forms.IntegerField(label=say("In force for (days)"), min_value=1, initial=90)
    scopes = forms.MultipleChoiceField(
        label=say_as("what a token is allowed", "May"),
        widget=forms.CheckboxSelectMultiple,
        help_text=say("Never more than you may yourself at that moment."),
    )
    networks = forms.CharField(
        label=say("Only from"),
        required=False,
        max_length=1000,
        help_text=say(
            "Addresses and networks such as 192.0.2.0/24, separated by commas; empty: from"
            " anywhere."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, user: "AnyUser", data: Any = None) -> None:
        most = settings.CCXSEC_API_TOKEN_DAYS
        own = [one for one in Permission if user.has_perm(one.value)]
        initial = {
            "scopes": [one.value for one in _READING if one in own],
            "days": min(90, most),
        }
        super().__init__(data, initial=initial)
        scopes, days = self.fields["scopes"], self.fields["days"]
        assert isinstance(scopes, forms.MultipleChoiceField)  # noqa: S101 - declared above
        scopes.choices = [(one.value, LABELS[one]) for one in own]
        days.help_text = say("Up to {most}.", most=most)
        self.helper = FormHelper(self)
        self.helper.form_tag = False
        self.helper.layout = Layout(
            Fieldset(_("The token"), Row(Column("name"), Column("days")), "scopes", "networks")
        )

    def network_list(self) -> list[str]:
        """As they were typed, one by one."""
        typed = str(self.cleaned_data["networks"]).replace(";", ",").split(",")
        return [text.strip() for text in typed if text.strip()]

    def refuse(self, refused: Refused) -> None:
        """Shows a refusal at the field that it is about."""
        self.add_error(_FIELD_OF.get(refused.code), str(refused))
