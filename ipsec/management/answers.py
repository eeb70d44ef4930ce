"""What the verbs of `./ccxsec ipsec` print of policies, and which policies they are asked about."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from certificates.refusal import Refused
from certificates.x509.visible import visible
from ipsec.management.definition_options import split_name, words_of
from ipsec.models import Policy
from ipsec.policy.definition import FIELD_LABELS
from ipsec.policy.pair import shown
from ipsec.policy.terms import esp_proposal, ike_proposal, selector
from ipsec.standing import Leak, Standing, Word
from ipsec.standing.negotiated import compared

AT_ONCE = 200  # names in one query


def chosen(names: Sequence[str]) -> list[Policy]:
    """Policies by their "GROUP/NAME", in this order.

    Raises:
        Refused: policy.unknown, policy.unnamed.
    """
    for name in names:
        split_name(name)
    found = {str(row): row for row in existing(names)}
    for name in names:
        if name not in found:
            wrong = f"There is no policy {visible(name)[:130]!r}."
            raise Refused("policy.unknown", wrong, "See ./ccxsec ipsec list.")
    return [found[name] for name in dict.fromkeys(names)]


def existing(names: Sequence[str]) -> list[Policy]:
    """Those of the policies with these names that are there."""
    asked = [name for name in names if "\0" not in name]
    found: list[Policy] = []
    for start in range(0, len(asked), AT_ONCE):
        found += Policy.objects.named(asked[start : start + AT_ONCE])
    return found


def chosen_or_all(options: Mapping[str, Any]) -> list[Policy]:
    """The policies that are named, or with `--all` every one.

    Raises:
        Refused: policy.unknown, policy.unnamed, policy.none.
    """
    if bool(options["names"]) == bool(options["all"]):
        wrong = "Policies are named, or --all is given, and not both."
        raise Refused("policy.none", wrong, "Write GROUP/NAME of each, or --all.")
    return list(Policy.objects.in_list_order()) if options["all"] else chosen(options["names"])


def line(row: Policy) -> dict[str, Any]:
    """One policy in the list."""
    definition = row.definition
    return {
        "policy": str(row),
        "enabled": "on trial" if row.trial_until else "yes" if row.is_enabled else "no",
        "source": _end(definition.source_address, row, definition.source_port),
        "destination": _end(definition.destination_address, row, definition.destination_port),
        "ike": f"{definition.ike_version.label} {ike_proposal(definition)}",
        "esp": esp_proposal(definition),
        "authentication": shown(definition.authentication),
    }


def details(row: Policy) -> dict[str, Any]:
    """Every field of a policy; of its key only whether there is one."""
    return {
        "policy": str(row),
        "enabled": row.is_enabled,
        **words_of(row.definition),
        "preshared_key": "set" if row.key_mark else "none",
        "trial_until": moment(row.trial_until),
        "revision": row.revision,
        "changed_at": moment(row.changed_at),
        "changed_by": row.changed_by,
    }


def standing_line(row: Policy, standing: Standing) -> dict[str, Any]:
    """How one policy stands, in the words of `status`."""
    child, association = standing.child, standing.association
    return {
        "policy": str(row),
        "state": standing.word.value,
        "packets": standing.leak.value,
        "peer": association.remote_host if association else row.destination_address,
        "algorithms": _negotiated(standing),
        "bytes_out": child.bytes_out if child else 0,
        "bytes_in": child.bytes_in if child else 0,
        "since": moment(standing.since),
        "about": f"{standing.sentence} {standing.cure}".strip(),
    }


def standing_details(row: Policy, standing: Standing) -> dict[str, Any]:
    """The same with all that was negotiated, for `show` and for scripts."""
    told = standing_line(row, standing)
    told |= {"packets_about": standing.leak_sentence, "field": standing.field}
    pairs = compared(row.definition, standing.association, standing.child)
    told["negotiated"] = [
        f"{FIELD_LABELS[one.field]}: {one.negotiated}; configured: {one.configured}"
        for one in pairs
    ]
    if standing.child:
        child = standing.child
        told |= {
            "mode": child.mode,
            "selectors": [*child.local_selectors, *child.remote_selectors],
            "spi": [child.spi_in, child.spi_out],
            "packets_out": child.packets_out,
            "packets_in": child.packets_in,
            "rekeys_at": moment(child.rekeys_at),
            "expires_at": moment(child.expires_at),
        }
    return told


def not_in_force(rows: Iterable[Policy], standings: Mapping[int, Standing]) -> list[str]:
    """Enabled policies whose packets are not protected, or not as they are configured.

    One that waits for traffic is as it should be: its first packet negotiates, and is held until
    then. Where that packet would leave in the clear, it is not.
    """
    return [str(row) for row in rows if row.is_enabled and not is_as_intended(standings[row.pk])]


def is_as_intended(standing: Standing) -> bool:
    """Whether packets of an enabled policy are protected, or wait for a negotiation."""
    fine = standing.word in {Word.IN_FORCE, Word.WAITING}
    return fine and standing.leak is not Leak.CLEAR


def moment(at: datetime | None) -> str:
    """A time in ISO 8601, UTC; "" for none."""
    return at.isoformat(timespec="seconds") if at else ""


def _negotiated(standing: Standing) -> str:
    child, association = standing.child, standing.association
    if child is None or association is None:
        return ""
    bits = f" {child.key_size}" if child.key_size else ""
    parts = [f"{child.encryption}{bits}", child.integrity, child.dh_group]
    return f"IKEv{association.version} " + " ".join(part for part in parts if part)


def _end(address: str, row: Policy, port: int) -> str:
    """One end of the traffic, as 192.0.2.10[tcp/443]."""
    return address + selector(row.definition.protocol, port).removeprefix("dynamic")
