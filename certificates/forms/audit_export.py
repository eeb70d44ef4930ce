"""Which part of the audit log is exported."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Column, Layout, Row
from django import forms
from django.utils import timezone

from certificates.refusal import Refused
from certificates.sentence import say


class AuditExportForm(forms.Form):
    """Two days, both of them included; empty: from the first event, to the newest."""

    since = forms.DateField(
        label=say("From"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    until = forms.DateField(
        label=say("To"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        self.helper = FormHelper()
        self.helper.form_tag = False
        self.helper.disable_csrf = True  # the page has it
        self.helper.layout = Layout(Row(Column("since"), Column("until")))

    def clean(self) -> dict[str, Any]:
        """Adds `moments`: from when on, and up to when; days of the zone of the screens."""
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if since and until and since > until:
            raise forms.ValidationError(say("The first day is after the last one."))
        try:
            after = until + timedelta(days=1) if until else None
            self.cleaned_data["moments"] = (_midnight(since), _midnight(after))
        except OverflowError:
            raise forms.ValidationError(say("No calendar has such a day.")) from None
        return self.cleaned_data

    def refuse(self, refused: Refused) -> None:
        self.add_error(None, str(refused))


def _midnight(day: date | None) -> datetime | None:
    return timezone.make_aware(datetime.combine(day, time())).astimezone(UTC) if day else None
