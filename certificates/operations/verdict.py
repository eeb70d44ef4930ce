"""What an endpoint serves, compared with what its node should serve."""

from collections.abc import Sequence
from dataclasses import dataclass

from certificates.models import Certificate, Endpoint
from certificates.models.certificate import State
from certificates.models.observed import Answer
from certificates.sentence import say


@dataclass(frozen=True, slots=True)
class Verdict:
    """`urgency` is a CSS class, `word` says the same; `cure` "" where nothing is to be done."""

    urgency: str
    word: str
    sentence: str
    cure: str = ""

    @property
    def is_wrong(self) -> bool:
        """Ours, and not the one that should be there; or none."""
        return bool(self.cure)


def verdicts(endpoints: Sequence[Endpoint]) -> list[Verdict]:
    """In their order, by one query."""
    served = {endpoint.fingerprint for endpoint in endpoints if endpoint.fingerprint}
    ours: dict[str, list[Certificate]] = {}
    rows = Certificate.objects.filter(fingerprint__in=served).select_related("node")
    for row in rows.only("fingerprint", "purpose", "is_own", "state", "node__host_name")[:2000]:
        ours.setdefault(row.fingerprint, []).append(row)
    return [_verdict(endpoint, ours.get(endpoint.fingerprint, [])) for endpoint in endpoints]


def _verdict(endpoint: Endpoint, rows: Sequence[Certificate]) -> Verdict:
    if endpoint.answer is Answer.NEVER:
        return Verdict("plain", say("Not yet"), say("Nobody has looked there yet."))
    if endpoint.answer is Answer.FAILED:
        cure = say("Look at the service; or remove the address.")
        return Verdict("critical", say("No answer"), endpoint.error, cure)
    return _of_ours(endpoint, rows) if rows else _foreign()


def _foreign() -> Verdict:
    said = say("It serves a certificate that is none of ours; its expiration is watched.")
    return Verdict("soon", say("Not ours"), said)


def _of_ours(endpoint: Endpoint, rows: Sequence[Certificate]) -> Verdict:
    own = [row for row in rows if row.is_own and row.node_id == endpoint.node_id]
    right = [row for row in own if endpoint.service in ("", row.purpose)]
    if any(row.state == State.ACTIVE for row in right):
        return Verdict("valid", say("In force"), say("It serves the certificate that is intended."))
    if right:
        cure = say("Restart {purpose} on {node}.", purpose=right[0].purpose, node=endpoint.node)
        return Verdict("critical", say("Older"), say("It serves one that was replaced here."), cure)
    if own:
        said = say(
            "It serves the {purpose} certificate of this node, not {service}.",
            purpose=own[0].purpose,
            service=endpoint.service,
        )
        return Verdict(
            "soon", say("Another service's"), said, say("Look at the service's configuration.")
        )
    elsewhere = next((row for row in rows if row.is_own), None)
    if elsewhere:
        said = say("It serves the {elsewhere}.", elsewhere=elsewhere)
        return Verdict(
            "soon", say("Another node's"), said, say("Look at the service's configuration.")
        )
    said = say(
        "It serves a certificate that stands in {purpose}, and no identity of ours.",
        purpose=rows[0].purpose,
    )
    return Verdict("soon", say("Trusted"), said)
