"""Fields of a policy that are typed: addresses, ports, life times."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from certificates.refusal import Refused
from certificates.sentence import in_language, say, together
from certificates.x509.visible import visible
from ipsec.find import ANY
from ipsec.policy.definition import ANY_PORT
from ipsec.policy.rules import read_address

LONGEST_NUMBER = 12  # digits: more are no number that could be meant


class AddressField(forms.CharField):
    """An address, kept as `read_address` gives it."""

    def __init__(self, **options: Any) -> None:
        look = {"spellcheck": "false", "autocapitalize": "none", "autocomplete": "off"}
        super().__init__(
            required=False, max_length=300, widget=forms.TextInput(attrs=look), **options
        )

    def clean(self, value: Any) -> str:
        text = super().clean(value)
        try:
            return read_address(text)
        except Refused as refused:
            raise ValidationError(str(refused), code=refused.code) from refused


class PortField(forms.CharField):
    """A port; Any, or nothing at all, is 0 where that is possible."""

    def __init__(self, *, any_allowed: bool = True, **options: Any) -> None:
        self.any_allowed = any_allowed
        look = {"inputmode": "numeric", "autocomplete": "off"}
        super().__init__(
            required=False, max_length=40, widget=forms.TextInput(attrs=look), **options
        )

    def prepare_value(self, value: Any) -> Any:
        return in_language(ANY) if value == ANY_PORT and value is not False else value

    def clean(self, value: Any) -> int:
        text = super().clean(value)
        if self.any_allowed and text.lower() in ("", ANY.lower(), in_language(ANY).lower()):
            return ANY_PORT
        number = whole_number(text)
        if number is None or number == ANY_PORT:
            cure = say("Write one port, 1 to 65535.")
            if self.any_allowed:
                cure = say("Write one port, 1 to 65535, or Any.")
            if self.any_allowed and re.fullmatch(r"[\d\s,;:-]+", text) and number is None:
                cure = together(cure, say("Several ports need a policy each."))
            wrong = (
                say("{text} is not a port.", text=repr(visible(text)))
                if text
                else say("The port is missing.")
            )
            raise ValidationError(together(wrong, cure), code="policy.port")
        return number


class SecondsField(forms.CharField):
    """A life time in whole seconds."""

    def __init__(self, **options: Any) -> None:
        look = {"inputmode": "numeric", "autocomplete": "off"}
        super().__init__(
            required=False, max_length=40, widget=forms.TextInput(attrs=look), **options
        )

    def clean(self, value: Any) -> int:
        text = super().clean(value)
        number = whole_number(text)
        if number is None:
            wrong = (
                say("{text} is not a number of seconds.", text=repr(visible(text)))
                if text
                else say("It is missing.")
            )
            cure = say("Write 60 to 2147483.")
            raise ValidationError(together(wrong, cure), code="policy.life-time")
        return number


def whole_number(text: str) -> int | None:
    """A number in ASCII digits; None for anything else."""
    is_number = text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER
    return int(text) if is_number else None
