"""The live part of a policy's page: state, negotiated against configured, associations, history."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Page
from django.urls import reverse

from certificates.cells import UNKNOWN, recorded
from certificates.sentence import lowered, say, say_as, say_count
from ipsec.admin.cells import leak_badge, word_badge
from ipsec.associations import Association, Child
from ipsec.models import Kind, Negotiation, Policy
from ipsec.moments import clock, distance
from ipsec.operations import listen, standings
from ipsec.policy.definition import FIELD_LABELS
from ipsec.standing import Standing, compared

_KINDS = {Kind.UP: "valid", Kind.REKEY: "plain", Kind.FAILED: "critical", Kind.DAEMON: "soon"}
EVENTS = 10  # of the history, on a page
# The daemon's words (ike_sa.h, child_sa.h of strongSwan); others are shown as it says them.
_DAEMON_WORDS = {
    "CREATED": say_as("state of an association", "Created"),
    "CONNECTING": say_as("state of an association", "Connecting"),
    "ESTABLISHED": say_as("state of an association", "Established"),
    "INSTALLING": say_as("state of an association", "Installing"),
    "INSTALLED": say_as("state of an association", "Installed"),
    "UPDATING": say_as("state of an association", "Updating"),
    "REKEYING": say_as("state of an association", "Rekeying"),
    "REKEYED": say_as("state of an association", "Rekeyed"),
    "DELETING": say_as("state of an association", "Deleting"),
    "DELETED": say_as("state of an association", "Deleted"),
    "DESTROYING": say_as("state of an association", "Destroying"),
    "TRANSPORT": say("Transport"),
    "TUNNEL": say("Tunnel"),
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One line about an association."""

    label: str
    text: str
    is_code: bool = False


def context_of(row: Policy) -> dict[str, Any]:
    """What the template `_standing.html` shows; asks the daemon once."""
    heard = listen()
    standing = standings([row], heard)[row.pk]
    rows = compared(row.definition, standing.association, standing.child)
    return {
        "row": row,
        "standing": standing,
        "heard": heard,
        "state": word_badge(standing),
        "sentence": recorded(standing.sentence),
        "cure": recorded(standing.cure),
        "packets": leak_badge(standing),
        "since": _moment(standing.since, heard.at),
        "trial_left": distance(row.trial_until, heard.at) if row.trial_until else "",
        "field_label": FIELD_LABELS.get(standing.field, say("Preshared Key")),
        "field_address": field_address(row, standing),
        "compared": [(FIELD_LABELS[one.field], one) for one in rows],
        "ike": _ike(standing.association, heard.at) if standing.association else [],
        "child": _child(standing.child, heard.at) if standing.child else [],
    }


def context_of_history(history: Page[Negotiation]) -> dict[str, Any]:
    """What the template `_history.html` shows."""
    return {"history": history, "events": [(one, kind_badge(one.kind)) for one in history]}


def field_address(row: Policy, standing: Standing) -> str:
    """The field of the Configuration that most likely has to be mended."""
    form = reverse("admin:ipsec_policy_change", args=[row.pk])
    return f"{form}#div_id_{standing.field}" if standing.field else ""


def kind_badge(kind: str) -> str:
    """The CSS class of a row of the history."""
    return _KINDS.get(Kind(kind), "plain")


def _moment(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return UNKNOWN
    return say("{clock}, {distance}", clock=clock(moment, now), distance=distance(moment, now))


def _ike(one: Association, now: datetime) -> list[Fact]:
    bits = f" {one.key_size}" if one.key_size else ""
    chosen = (f"{one.encryption}{bits}", one.integrity, one.pseudo_random, one.dh_group)
    return [
        Fact(say("State"), _word(one.state)),
        Fact(
            say("Between"),
            say(
                "{local_host} and {remote_host}",
                local_host=one.local_host,
                remote_host=one.remote_host,
            ),
        ),
        Fact(say("The peer calls itself"), one.remote_identity or UNKNOWN),
        Fact(say("Algorithms"), ", ".join(filter(None, chosen)), is_code=True),
        Fact(say_as("of an association", "Since"), _moment(one.established_at, now)),
        Fact(say("New keys"), _moment(one.rekeys_at, now)),
        Fact(say("Connection"), one.connection, is_code=True),
    ]


def _child(one: Child, now: datetime) -> list[Fact]:
    return [
        Fact(
            say("State"),
            say(
                "{state}, {mode} mode",
                state=_word(one.state),
                mode=lowered(_word(one.mode)),
            ),
        ),
        Fact(
            say_as("where packets come from", "From"),
            ", ".join(one.local_selectors) or UNKNOWN,
            is_code=True,
        ),
        Fact(
            say_as("where packets go to", "To"),
            ", ".join(one.remote_selectors) or UNKNOWN,
            is_code=True,
        ),
        Fact(say("Sent"), _counted(one.packets_out, one.bytes_out)),
        Fact(say("Received"), _counted(one.packets_in, one.bytes_in)),
        Fact(say("SPI out, in"), f"{one.spi_out}, {one.spi_in}", is_code=True),
        Fact(say_as("of an association", "Since"), _moment(one.installed_at, now)),
        Fact(say("New keys"), _moment(one.rekeys_at, now)),
        Fact(say("Ends at the latest"), _moment(one.expires_at, now)),
    ]


def _word(told: str) -> str:
    return _DAEMON_WORDS.get(told, told.capitalize())


def _counted(packets: int, count: int) -> str:
    return say_count(
        "{count} packet, {bytes} bytes",
        "{count} packets, {bytes} bytes",
        packets,
        count=f"{packets:,}",
        bytes=f"{count:,}",
    )
