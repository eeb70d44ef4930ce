"""The door: from the lines of a daemon to a diagnosis."""

from collections.abc import Sequence

from ipsec.explain.authentication import AUTHENTICATION
from ipsec.explain.diagnosis import Case, Diagnosis, first_told
from ipsec.explain.ending import ENDED, established
from ipsec.explain.proposals import PROPOSALS
from ipsec.explain.reaching import REACHING, UNREACHED
from ipsec.explain.traffic import TRAFFIC
from ipsec.policy.definition import Definition

_LAST_LINES = 5


def explain(lines: Sequence[str], definition: Definition, *, is_certificate: bool) -> Diagnosis:
    """Say what the lines of a negotiation come to.

    Args:
        lines: of charon at level 1, in their order, with or without their group ("[IKE] "): the
            stream of `initiate`, or the `log` event, which also has what could not be sent.
            This server may have begun the negotiation, or have answered.
        definition: of this server.
        is_certificate: whether this server authenticates by certificate.
    """
    case = Case(lines, definition, is_certificate=is_certificate)
    return (
        established(case)
        or first_told(case, (*REACHING, *AUTHENTICATION, *TRAFFIC, *PROPOSALS, *ENDED, *UNREACHED))
        or _unknown(case)
    )


def _unknown(case: Case) -> Diagnosis:
    if not case.lines:
        sentence = "The IKE daemon said nothing about this negotiation."
        cure = "Try it again; look whether the daemon runs and has the policy loaded."
        return case.diagnosis(sentence, cure, proofs=())
    sentence = "It did not connect, for a reason that is not known here; its last lines follow."
    cure = "Read the log of the other side at the same time, and compare the two policies."
    return case.diagnosis(sentence, cure, proofs=tuple(case.lines[-_LAST_LINES:]))
