"""The certificate that a word of the command line names."""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from django.db.models import Q

from certificates.management.operator_command import node_of
from certificates.models import Certificate, Purpose
from certificates.refusal import Refused


def chosen(options: Mapping[str, Any]) -> Certificate:
    """The certificate named PURPOSE, or PURPOSE/NAME in a trust store (file or common name).

    Raises:
        Refused: node.*, purpose.*, certificate.name, certificate.unknown.
    """
    text, _, name = options["name"].partition("/")
    node, purpose = node_of(options), Purpose.named(text)
    rows = node.certificates.active().for_purpose(purpose).select_related("node")
    if name:
        stem = PurePath(name).stem if name.endswith((".pem", ".der")) else name
        rows = rows.filter(
            Q(file_name=f"{stem}.pem") | Q(common_name__iexact=name) | Q(fingerprint=name.lower())
        )
    elif not purpose.is_own:
        wrong = f"{purpose} holds many certificates."
        raise Refused("certificate.name", wrong, f"Name one: {purpose}/COMMON-NAME.")
    found = list(rows[:2])
    if len(found) == 1:
        return found[0]
    if found:
        wrong = f"Several certificates in {purpose} are called {name!r}."
        raise Refused("certificate.name", wrong, "Name its file or its SHA-256 fingerprint.")
    wrong = f"{node} has no certificate {options['name']!r}."
    raise Refused("certificate.unknown", wrong, "See ./ccxsec cert list.")
