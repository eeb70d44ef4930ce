"""After a change: apply it now, and tell whether it is in force."""

import time
from collections.abc import Iterable, Sequence
from typing import Any

from certificates import jobs
from certificates.access import command_line
from certificates.management.operator_command import OperatorCommand
from certificates.models import JobState
from certificates.x509.visible import visible
from ipsec.management.answers import is_as_intended, standing_line
from ipsec.models import Policy
from ipsec.operations import request_apply, standings
from ipsec.standing import Standing, Word

# The manual's cautions about what an enabled policy does to a running system (IP-5).
CAUTION = (
    "Traffic that fits the policy is held until the peer negotiates it, and encryption costs"
    " processor time: do this at a time of low traffic."
)
SETTLED = 5.0  # seconds in which a negotiation with a peer that answers has ended
PAUSE = 0.1  # seconds between two looks
SHOWN = 10  # policies whose trouble is told line by line


class InForce(OperatorCommand):
    """A command that changes policies."""

    def put_in_force(self, rows: Sequence[Policy]) -> dict[str, Any]:
        """Apply, and say how a single policy stands; what is not in force is told as a warning.

        The change was made by then: no daemon, or a peer that does not answer, is no refusal.
        """
        job = request_apply(actor=command_line())
        ended = jobs.run(job.pk) or jobs.wait(job.pk)
        if ended.state != JobState.DONE:
            said = ended.messages[-1] if ended.messages else "The worker has not ended it yet."
            self.warn([f"Saved, and not in force: {said}"])
            return {"state": Word.NOT_IN_FORCE.value, "about": said}
        return self._standing_of([row for row in _as_it_is(rows) if row.is_enabled])

    def _standing_of(self, rows: Sequence[Policy]) -> dict[str, Any]:
        found = settled(rows)
        wrong = [
            f"{row}: {found[row.pk].word}. {found[row.pk].sentence} {found[row.pk].cure}".strip()
            for row in rows
            if not is_as_intended(found[row.pk])
        ]
        self.warn(wrong[:SHOWN])
        if len(wrong) > SHOWN:
            self.warn([f"{len(wrong) - SHOWN} more: see ./ccxsec ipsec status."])
        if len(rows) == 1:
            return standing_line(rows[0], found[rows[0].pk])
        return {"not_as_intended": len(wrong)} if rows else {}

    def warn(self, sentences: Iterable[str]) -> None:
        for sentence in sentences:
            self.stderr.write(f"warning: {visible(sentence)}")


def settled(rows: Sequence[Policy]) -> dict[int, Standing]:
    """How policies stand once no negotiation is under way, or after `SETTLED` seconds."""
    deadline = time.monotonic() + SETTLED
    while True:
        found = standings(rows) if rows else {}
        under_way = any(one.word is Word.NEGOTIATING for one in found.values())
        if not under_way or time.monotonic() > deadline:
            return found
        time.sleep(PAUSE)


def _as_it_is(rows: Sequence[Policy]) -> list[Policy]:
    """The rows as `apply` has left them; those that are gone are left out."""
    found = Policy.objects.in_bulk([row.pk for row in rows])
    return [found[row.pk] for row in rows if row.pk in found]
