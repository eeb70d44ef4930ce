"""What the daemon's log of a negotiation means, in an operator's words."""

from collections.abc import Sequence
from dataclasses import dataclass

from ipsec.policy.definition import Definition


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What came of a negotiation; `field` is what most likely has to be mended, or ""."""

    is_established: bool
    field: str
    sentence: str
    cure: str
    lines: tuple[str, ...]


def explain(lines: Sequence[str], definition: Definition, *, is_certificate: bool) -> Diagnosis:
    """Read the lines of one negotiation, oldest first."""
    done = any("CHILD_SA" in line and "established" in line for line in lines)
    last = lines[-1] if lines else "nothing was logged"
    said = "The negotiation succeeded." if done else f"The negotiation failed: {last}."
    return Diagnosis(done, "", said, "" if done else "Look at the log.", tuple(lines))
