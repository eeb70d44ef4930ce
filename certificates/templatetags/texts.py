"""Texts in templates that the catalogues alone don't bring about."""

from django import template

from certificates import sentence

register = template.Library()


@register.filter
def lowered(label: object) -> str:
    """A label as it stands within a sentence."""
    return sentence.lowered(str(label))
