"""Selects of a policy's choices: what is weak is marked, and told to the form (DESIGN rule 3)."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from certificates.sentence import say
from certificates.x509.visible import visible


class MarkingSelect(forms.Select):
    """Marks the options that have to be confirmed with `data-legacy`.

    `kept` is the value that the policy has already: it was confirmed then.
    """

    legacy: frozenset[str] = frozenset()
    kept = ""

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        if str(value) in self.legacy and str(value) != self.kept:
            option["attrs"]["data-legacy"] = True
        return option


class ChoiceOf(forms.Field):
    """One choice of an enumeration that has labels; weak ones stand last, and are marked.

    What is forbidden is not offered, but read: the rules say in words why it can't be.
    """

    widget = MarkingSelect

    def __init__(
        self,
        kind: Any,
        choices: Iterable[Any] | None = None,
        *,
        optional: bool = False,
        **options: Any,
    ) -> None:
        self.possible = list(choices or kind)
        self.is_optional = optional
        super().__init__(required=False, **options)
        self.offer(allow_legacy=True)

    def offer(self, *, allow_legacy: bool, kept: Any = None) -> None:
        """Choose which options there are; the one that is kept is always among them."""
        weak = [one for one in self.possible if getattr(one, "is_legacy", False)]
        strong = [one for one in self.possible if one not in weak]
        weak = [one for one in weak if allow_legacy or one == kept]
        self.widget.choices = [
            *((str(one.value), one.label) for one in strong),
            *((str(one.value), say("{choice} (legacy)", choice=one.label)) for one in weak),
        ]
        self.widget.legacy = frozenset(str(one.value) for one in weak)
        self.widget.kept = str(kept.value) if kept is not None else ""

    def prepare_value(self, value: Any) -> str:
        return str(getattr(value, "value", value))

    def to_python(self, value: Any) -> Any:
        found = [one for one in self.possible if str(one.value) == str(value)]
        if value in self.empty_values:
            if not self.is_optional:
                raise ValidationError(say("Choose one."), code="choice")
            return None
        if not found:
            known = ", ".join(one.label for one in self.possible)
            wrong = say(
                "{value} is no choice here. Choose one of {known}.",
                value=repr(visible(str(value))[:40]),
                known=known,
            )
            raise ValidationError(wrong, code="choice")
        return found[0]
