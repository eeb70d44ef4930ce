"""The forms of the trust stores' comparison: what is compared, and what is copied (CM-14)."""

import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from certificates.models import Node, Purpose
from certificates.operations.compare_trust import MOST_NODES, Stores, trust_stores
from certificates.operations.copy_trust import Wanted
from certificates.sentence import say

_CHOICES = [(purpose.value, purpose.label) for purpose in trust_stores()]
_FEWEST = 2


def _keys(values: Any) -> list[str]:
    """Those of some words that can be keys: others could be too large for the database."""
    return [word for word in map(str, values or ()) if re.fullmatch("[0-9]{1,18}", word)]


class _NodesField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg] # not at run time
    """Nodes in restart order."""

    def __init__(self, **options: Any) -> None:
        super().__init__(Node.objects.in_restart_order(), required=False, **options)

    def clean(self, value: Any) -> Any:
        return super().clean(_keys(value))


class _NodeField(forms.ModelChoiceField):  # type: ignore[type-arg] # not at run time
    def clean(self, value: Any) -> Any:
        return super().clean((_keys([value]) or [""])[0])


class StoresForm(forms.Form):
    """Which stores stand beside each other. It changes nothing, and comes in the address."""

    store = forms.ChoiceField(label=say("Store"), choices=_CHOICES, required=False)
    nodes = _NodesField(label=say("Nodes"), widget=forms.CheckboxSelectMultiple)
    name = forms.CharField(
        label=say("Common name contains"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"type": "search"}),
    )
    all = forms.BooleanField(label=say("Also what all of them have"), required=False)

    def __init__(self, data: Any) -> None:
        given = {name: data.getlist(name) for name in self.base_fields if name in data}
        self.usual = list(Node.objects.in_restart_order()[:MOST_NODES])
        filled: dict[str, Any] = {
            "store": (given.get("store") or [_CHOICES[0][0]])[-1],
            "nodes": self._completed(_keys(given.get("nodes"))),
            "name": (given.get("name") or [""])[-1],
            "all": bool(given.get("all")),
        }
        super().__init__(filled)

    def _completed(self, keys: Sequence[str]) -> list[str]:
        """The first nodes where none is given; one that is given is set beside the first other."""
        if not keys:
            return [str(node.pk) for node in self.usual]
        if len(keys) == 1:
            others = [str(node.pk) for node in self.usual if str(node.pk) != keys[0]]
            return [*others[:1], *keys]
        return list(keys)

    def clean_store(self) -> str:
        return self.cleaned_data["store"] or _CHOICES[0][0]

    def clean_nodes(self) -> Any:
        nodes = self.cleaned_data["nodes"]
        if len(nodes) > MOST_NODES:
            wrong = say(
                "{count} nodes are chosen; up to {most} stand beside each other.",
                count=len(nodes),
                most=MOST_NODES,
            )
            raise ValidationError(wrong)
        if len(nodes) < _FEWEST:
            raise ValidationError(say("There is one node only. Add the others under Nodes."))
        return nodes

    def stores(self) -> Stores:
        """What was chosen."""
        data = self.cleaned_data
        return Stores(Purpose(data["store"]), tuple(data["nodes"]))


class CopyForm(forms.Form):
    """What is copied where: from the page, and once more from the confirmation with `shown`."""

    store = forms.ChoiceField(choices=_CHOICES)
    nodes = _NodesField()
    target = _NodeField(
        Node.objects.all(), error_messages={"required": _("Choose the node to copy to.")}
    )
    certificates = forms.CharField(required=False, max_length=200_000)
    missing = forms.BooleanField(required=False)  # all that the node lacks
    shown = forms.CharField(required=False, max_length=64)
    confirm = forms.BooleanField(required=False)

    def __init__(self, data: Any) -> None:
        given = data.copy()
        given["certificates"] = " ".join(data.getlist("certificates"))
        super().__init__(given)

    def clean_certificates(self) -> tuple[str, ...]:
        words = tuple(dict.fromkeys(self.cleaned_data["certificates"].split()))
        if not all(re.fullmatch("[0-9a-f]{64}", word) for word in words):
            raise ValidationError(say("That is no fingerprint of a certificate."))
        return words

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not data.get("missing") and not data.get("certificates"):
            wrong = say("No certificate is chosen. Tick some, or copy all that is missing.")
            raise ValidationError(wrong)
        return data

    def wanted(self) -> Wanted:
        data = self.cleaned_data
        chosen = () if data["missing"] else data["certificates"]
        return Wanted(tuple(data["nodes"]), chosen)

    def fields_again(self) -> list[tuple[str, str]]:
        """What the confirmation carries along."""
        data = self.cleaned_data
        return [
            ("store", data["store"]),
            *(("nodes", str(node.pk)) for node in data["nodes"]),
            ("target", str(data["target"].pk)),
            ("certificates", " ".join(data["certificates"])),
            *([("missing", "yes")] if data["missing"] else []),
        ]
