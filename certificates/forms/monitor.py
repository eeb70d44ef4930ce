"""The forms of the Certificate Monitor: its settings, a rule, an acknowledgement (MO-1)."""

from collections.abc import Callable
from datetime import MAXYEAR, date, datetime, time, timedelta
from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import HTML, Column, Fieldset, Layout, Row
from django import forms
from django.utils import timezone

from certificates.expiry.addresses import MOST, read_addresses
from certificates.expiry.periods import START_DAYS, Unit
from certificates.models import MonitorSettings
from certificates.models.monitor import Security, SilenceField, SilenceOperator
from certificates.operations.monitoring.acknowledge import LONGEST, REASON_LENGTH
from certificates.operations.monitoring.configure import (
    PORTS,
    MonitorChange,
    checked,
    checked_host,
    read_sender,
)
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.webhook import checked_url, without_query

# Which field a refusal belongs to, by the first fitting beginning of its code.
_FIELD_OF = {
    "monitor.start": "start_days",
    "monitor.frequency": "frequency",
    "monitor.unit": "frequency_unit",
    "email.none": "addresses",
    "email": "addresses",
    "smtp.port": "smtp_port",
    "smtp.security": "smtp_security",
    "smtp.clear-password": "smtp_security",
    "smtp.user": "smtp_user",
    "smtp.password": "smtp_password",
    "smtp": "smtp_host",
    "webhook": "webhook_url",
}


_UNITS = [(Unit.HOURS.value, say("Hours")), (Unit.DAYS.value, say("Days"))]


class MonitorForm(forms.Form):
    """The manual's four fields first, then how messages leave."""

    start_days = forms.IntegerField(
        label=say("Notification Start Time"),
        min_value=START_DAYS[0],
        max_value=START_DAYS[-1],
        help_text=say("Days before a certificate expires. From then on you are notified."),
    )
    frequency = forms.IntegerField(
        label=say("Notification Frequency"),
        min_value=1,
        max_value=Unit.HOURS.allowed[-1],
        help_text=say("How often you are notified again, until the certificate is replaced."),
    )
    frequency_unit = forms.ChoiceField(label=say("Hours or days"), choices=_UNITS)
    email_enabled = forms.BooleanField(label=say("Enable Email Notification"), required=False)
    addresses = forms.CharField(
        label=say("Email IDs"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=say(
            "Up to {most} addresses, separated by semicolons, commas or line ends.", most=MOST
        ),
    )
    smtp_host = forms.CharField(label=say("SMTP host"), required=False, max_length=253)
    smtp_port = forms.IntegerField(
        label=say("Port"),
        required=False,
        min_value=PORTS[0],
        max_value=PORTS[-1],
        help_text=say("Empty: 587 with STARTTLS, 465 with TLS, else 25."),
    )
    smtp_security = forms.ChoiceField(label=say("Protection"), choices=Security.choices)
    smtp_user = forms.CharField(label=say("User"), required=False, max_length=254)
    smtp_password = forms.CharField(
        label=say("Password"),
        required=False,
        strip=False,
        max_length=254,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=say("Kept sealed, and never shown. Empty: the one that is kept."),
    )
    smtp_forget = forms.BooleanField(
        label=say("Take out the password that is kept"), required=False
    )
    smtp_sender = forms.CharField(
        label=say("From"),
        required=False,
        max_length=254,
        help_text=say("Empty: ccxsec@ this server."),
    )
    webhook_url = forms.CharField(
        label=say("Webhook"),
        required=False,
        max_length=500,
        help_text=say("An https address that gets the same digest as JSON, signed."),
    )
    syslog_enabled = forms.BooleanField(label=say("Write each notice to syslog"), required=False)

    def __init__(self, row: MonitorSettings, data: Any = None, *, may_change: bool = True) -> None:
        change = MonitorChange.of(row)
        super().__init__(data, initial={name: getattr(change, name) for name in change.__slots__})
        if not may_change:
            self.initial["webhook_url"] = without_query(change.webhook_url)
        for field in self.fields.values():
            field.disabled = not may_change
        self.helper = FormHelper(self)
        self.helper.form_tag = False
        about = '<p class="help">{{ server_sentence }}</p>'
        self.helper.layout = Layout(
            Fieldset(
                say("Certificate Monitor"),
                "start_days",
                Row(Column("frequency"), Column("frequency_unit")),
                "email_enabled",
                "addresses",
            ),
            Fieldset(
                say("E-mail server"),
                HTML(about),
                Row(Column("smtp_host"), Column("smtp_port"), Column("smtp_security")),
                Row(Column("smtp_user"), Column("smtp_password")),
                "smtp_forget",
                "smtp_sender",
            ),
            Fieldset(say("Other channels"), "webhook_url", "syslog_enabled"),
        )

    def clean_addresses(self) -> str:
        return self._checked("addresses", lambda text: "; ".join(read_addresses(text).addresses))

    def clean_smtp_host(self) -> str:
        return self._checked("smtp_host", lambda text: checked_host(text) if text else "")

    def clean_smtp_sender(self) -> str:
        return self._checked("smtp_sender", read_sender)

    def clean_webhook_url(self) -> str:
        return self._checked("webhook_url", lambda text: checked_url(text) if text else "")

    def _checked(self, name: str, check: Callable[[str], str]) -> str:
        try:
            return check(self.cleaned_data[name])
        except Refused as refused:
            raise forms.ValidationError(str(refused)) from refused

    def clean(self) -> dict[str, Any]:
        """What concerns several fields."""
        data = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                checked(self.change())
            except Refused as refused:
                self.refuse(refused)
        return data

    def refuse(self, refused: Refused) -> None:
        """Show a refusal at the field that it is about."""
        code = refused.code
        self.add_error(_FIELD_OF.get(code) or _FIELD_OF.get(code.split(".")[0]), str(refused))

    def change(self) -> MonitorChange:
        data = dict(self.cleaned_data)
        forgets, password = data.pop("smtp_forget"), data.pop("smtp_password")
        return MonitorChange(**data, smtp_password="" if forgets else password or None)

    @property
    def converted(self) -> list[str]:
        """Domains that are written in another form than they were typed."""
        return read_addresses(str(self.data.get("addresses", ""))).converted


class RuleForm(forms.Form):
    """Trust certificates that nobody is to be told about."""

    name = forms.CharField(label=say("Name"), max_length=80)
    field = forms.ChoiceField(label=say("Field"), choices=SilenceField.choices)
    operator = forms.ChoiceField(label=say("Condition"), choices=SilenceOperator.choices)
    value = forms.CharField(label=say("Value"), max_length=255)
    reason = forms.CharField(label=say("Reason"), max_length=REASON_LENGTH)


class AcknowledgeForm(forms.Form):
    """Until when, and why."""

    until = forms.DateField(label=say("Until"), widget=forms.DateInput(attrs={"type": "date"}))
    reason = forms.CharField(label=say("Reason"), max_length=REASON_LENGTH)

    def clean_until(self) -> date:
        until: date = self.cleaned_data["until"]
        if until.year >= MAXYEAR:
            raise forms.ValidationError(
                say("That is farther away than anybody looks. Choose sooner.")
            )
        return until

    def end(self) -> datetime:
        """The end of that day in the operator's zone."""
        following = self.cleaned_data["until"] + timedelta(days=1)
        return timezone.make_aware(datetime.combine(following, time.min))

    @staticmethod
    def latest(now: datetime) -> str:
        return f"{timezone.localtime(now + LONGEST) - timedelta(days=1):%Y-%m-%d}"
