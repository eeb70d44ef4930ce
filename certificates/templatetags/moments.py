"""Moments in templates: those of a certificate may lie beyond what a time zone can hold."""

from datetime import datetime

from django import template

from certificates.cells import local

register = template.Library()


# The raw value: Django would convert it before, and fail at the end of all days.
@register.filter(expects_localtime=False)
def moment(value: datetime | None, form: str = "%Y-%m-%d %H:%M:%S %Z") -> str:
    """`value` in the operator's zone; a dash for None."""
    return local(value).strftime(form) if value else "—"
