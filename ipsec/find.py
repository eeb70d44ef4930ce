"""The find rows of the IPSEC Policy List: field, operator, value -> query (IP-1).

The operators are those of the Certificate List; one row is a `Condition`, and all must match.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q

from certificates.conditions import (
    NOTHING,
    Condition,
    Operator,
    Query,
    by_text,
    checked,
    matches,
    one_of,
)
from certificates.sentence import say
from ipsec.policy.choices import (
    Authentication,
    DhGroup,
    Encryption,
    Esp,
    Hash,
    IkeVersion,
    PeerType,
    Protocol,
)
from ipsec.policy.definition import FIELD_LABELS

ANY = Protocol.ANY.label


@dataclass(frozen=True, slots=True)
class Field:
    """One entry of the first select, and how it finds policies."""

    label: str
    query: Query
    is_date: bool = False


def _weak(column: str, choices: Any) -> Q:
    return Q(**{f"{column}__in": [choice.value for choice in choices if choice.is_legacy]})


# Policies that use anything which is marked as legacy where it is chosen (DESIGN rule 3).
LEGACY = (
    _weak("encryption", Encryption)
    | _weak("hash", Hash)
    | _weak("esp", Esp)
    | _weak("phase_one_dh", DhGroup)
    | _weak("phase_two_dh", DhGroup)
)


def _either(positive: str, found: Q, negative: str) -> Query:
    """Of two words one holds for each policy; `found` are those of the first."""

    def query(operator: Operator, value: str) -> Q:
        is_hit, is_other = matches(positive, operator, value), matches(negative, operator, value)
        if is_hit and is_other:
            return Q()
        if is_hit:
            return found
        return ~found if is_other else NOTHING

    return query


def _labels(kind: Any) -> dict[Any, str]:
    return {choice.value: choice.label for choice in kind}


def _port(column: str) -> Query:
    """A number as it is written; Any is kept as 0."""

    def query(operator: Operator, value: str) -> Q:
        if not operator.needs_value:
            return NOTHING if operator is Operator.EMPTY else Q()
        found = Q(**{column: 0}) if matches(ANY, operator, value) else NOTHING
        if not value.isascii() or not value.isdigit():
            return found
        if operator is Operator.IS:
            return found | Q(**{column: min(int(value), 65_536)})
        lookup = {Operator.BEGINS: "startswith", Operator.ENDS: "endswith"}
        numbers = Q(**{f"{column}__{lookup.get(operator, 'contains')}": value})
        return found | (numbers & ~Q(**{column: 0}))

    return query


FIELDS: dict[str, Field] = {
    "name": Field(FIELD_LABELS["name"], by_text("name")),
    "group": Field(FIELD_LABELS["group"], by_text("group")),
    "source": Field(FIELD_LABELS["source_address"], by_text("source_address")),
    "destination": Field(FIELD_LABELS["destination_address"], by_text("destination_address")),
    "protocol": Field(FIELD_LABELS["protocol"], one_of("protocol", _labels(Protocol))),
    "source_port": Field(FIELD_LABELS["source_port"], _port("source_port")),
    "destination_port": Field(FIELD_LABELS["destination_port"], _port("destination_port")),
    "state": Field(
        say("Enabled or disabled"), _either(say("Enabled"), Q(is_enabled=True), say("Disabled"))
    ),
    "authentication": Field(
        FIELD_LABELS["authentication"], one_of("authentication", _labels(Authentication))
    ),
    "peer_type": Field(FIELD_LABELS["peer_type"], one_of("peer_type", _labels(PeerType))),
    "certificate_name": Field(FIELD_LABELS["certificate_name"], by_text("certificate_name")),
    "ike_version": Field(FIELD_LABELS["ike_version"], one_of("ike_version", _labels(IkeVersion))),
    "encryption": Field(FIELD_LABELS["encryption"], one_of("encryption", _labels(Encryption))),
    "hash": Field(FIELD_LABELS["hash"], one_of("hash", _labels(Hash))),
    "esp": Field(FIELD_LABELS["esp"], one_of("esp", _labels(Esp))),
    "phase_one_dh": Field(FIELD_LABELS["phase_one_dh"], one_of("phase_one_dh", _labels(DhGroup))),
    "phase_two_dh": Field(FIELD_LABELS["phase_two_dh"], one_of("phase_two_dh", _labels(DhGroup))),
    "legacy": Field(say("Legacy algorithms"), _either(say("Yes"), LEGACY, say("No"))),
    "trouble": Field(say("Can't be loaded because"), by_text("trouble")),
    "changed_by": Field(say("Changed by"), by_text("changed_by")),
}


def to_query(conditions: Iterable[Condition]) -> Q:
    """All conditions together.

    Raises:
        Refused: find.field, find.operator, find.value.
    """
    found = Q()
    for condition in conditions:
        checked(condition, FIELDS)
        query = FIELDS[condition.field].query
        found &= query(condition.operator, condition.value.strip())
    return found
