"""The settings of the page Backup (CM-10)."""

from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Column, Fieldset, Layout, Row
from django import forms

from certificates.models import BackupLock, BackupSettings
from certificates.models.backup import LONGEST_HOURS, MOST_KEPT
from certificates.operations.backup.schedule import Choice
from certificates.refusal import Refused
from certificates.sentence import say

NEVER, HOURS, DAYS = "never", "hours", "days"
_FIELD_OF = {
    "backup.recipient": "recipient",
    "backup.passphrase-short": "passphrase",
    "backup.passphrase-missing": "passphrase",
    "backup.lock-missing": "locked_by",
    "backup.folder": "folder",
    "backup.every": "every",
    "backup.kept": "kept",
}
_NEW_PASSWORD = {"autocomplete": "new-password", "spellcheck": "false"}


class BackupForm(forms.Form):
    """Who opens the backups, where they go, how often they are made, how many stay."""

    locked_by = forms.ChoiceField(
        label=say("Who can open them"),
        choices=[("", say("Choose")), *BackupLock.choices[1:]],
        required=False,
    )
    recipient = forms.CharField(
        label=say("Public key of the recipient"),
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
        help_text=say(
            "Made by ./ccxsec backup keygen on another machine, where the private key stays:"
            " then nobody who breaks into this server can open a backup."
        ),
    )
    passphrase = forms.CharField(
        label=say("Passphrase"),
        max_length=500,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs=_NEW_PASSWORD),
        help_text=say("Only with the second choice. Empty: the one that is sealed here stays."),
    )
    again = forms.CharField(
        label=say("The passphrase once more"),
        max_length=500,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs=_NEW_PASSWORD),
    )
    folder = forms.CharField(
        label=say("Folder"),
        max_length=400,
        required=False,
        widget=forms.TextInput(attrs={"spellcheck": "false"}),
        help_text=say("On this server, best on another disk. Empty: “backups” in the data folder."),
    )
    unit = forms.ChoiceField(
        label=say("Days or hours"),
        choices=[
            (NEVER, say("Never: only by the button")),
            (DAYS, say("Days")),
            (HOURS, say("Hours")),
        ],
    )
    every = forms.IntegerField(
        label=say("Made by itself every"), min_value=1, max_value=LONGEST_HOURS
    )
    kept = forms.IntegerField(
        label=say("How many stay"),
        min_value=1,
        max_value=MOST_KEPT,
        help_text=say("Older ones of this server are removed after a new one was read back."),
    )

    def __init__(self, row: BackupSettings, data: Any = None) -> None:
        in_days = row.every_hours % 24 == 0
        unit = (DAYS if in_days else HOURS) if row.every_hours else NEVER
        every = row.every_hours // 24 if in_days else row.every_hours
        initial = {
            "locked_by": row.locked_by,
            "recipient": row.recipient,
            "folder": row.folder,
            "unit": unit,
            "every": every or 1,
            "kept": row.kept,
        }
        super().__init__(data, initial=initial)
        self.helper = FormHelper(self)
        self.helper.form_tag = False
        self.helper.layout = Layout(
            Fieldset(
                say("Lock"), "locked_by", "recipient", Row(Column("passphrase"), Column("again"))
            ),
            Fieldset(
                say("Place and schedule"), "folder", Row(Column("every"), Column("unit")), "kept"
            ),
        )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("passphrase", "") != data.get("again", ""):
            self.add_error("again", say("It is not the same passphrase. Type it again, twice."))
        return data

    def choice(self) -> Choice:
        """What `set_backups` is asked for."""
        data = self.cleaned_data
        hours = {NEVER: 0, HOURS: 1, DAYS: 24}[data["unit"]] * data["every"]
        return Choice(
            locked_by=data["locked_by"],
            recipient=data["recipient"],
            passphrase=data["passphrase"],
            folder=data["folder"],
            every_hours=hours,
            kept=data["kept"],
        )

    def refuse(self, refused: Refused) -> None:
        """Show a refusal at the field that it is about."""
        self.add_error(_FIELD_OF.get(refused.code), str(refused))
