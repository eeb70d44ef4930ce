"""`./ccxsec ipsec connect`, `diagnose`, `disconnect`, `rekey`, `preflight`: asked of the daemon."""

from typing import Any

from certificates import jobs
from certificates.access import command_line
from certificates.management.operator_command import Answer, Judged
from certificates.models import Job, JobState
from certificates.refusal import Outcome
from ipsec.management.answers import chosen, chosen_or_all, standing_line
from ipsec.management.in_force import InForce
from ipsec.operations import (
    disconnect,
    preflight,
    rekey,
    request_connect,
    request_diagnose,
    standings,
)
from ipsec.standing import Word


class NegotiateVerbs(InForce):
    def add_negotiate_verbs(self, verbs: Any) -> None:
        words = {
            "connect": (self.connect, "negotiate now"),
            "diagnose": (self.diagnose, "negotiate now, and explain what disagrees"),
            "preflight": (self.preflight, "what would go wrong, asked before it is enabled"),
        }
        for name, (run, about) in words.items():
            self.verb(verbs, name, run, about).add_argument("name", metavar="GROUP/NAME")
        for name, run, about in (
            ("disconnect", self.disconnect, "end what is negotiated; traffic starts it again"),
            ("rekey", self.rekey, "negotiate new keys now, beside the traffic"),
        ):
            several = self.verb(verbs, name, run, about)
            several.add_argument("names", nargs="*", metavar="GROUP/NAME")
            several.add_argument("--all", action="store_true", help="every policy")

    def connect(self, options: dict[str, Any]) -> Answer:
        """Exit status 1 where it is not in force then."""
        [row] = chosen([options["name"]])
        return _told(_ended(request_connect(row, actor=command_line())))

    def diagnose(self, options: dict[str, Any]) -> Answer:
        """Exit status 1 where it is not in force then."""
        [row] = chosen([options["name"]])
        job = _ended(request_diagnose(row, actor=command_line()))
        told = _told(job)
        standing = standings([row])[row.pk]
        answer = {**standing_line(row, standing), **(told.answer or {})}
        refused = told.refused
        if refused is None and standing.word is not Word.IN_FORCE:
            refused = job.messages[-1]
        return Judged(answer, refused)

    def preflight(self, options: dict[str, Any]) -> Answer:
        """Exit status 1 where a check failed."""
        [row] = chosen([options["name"]])
        found = preflight(row.definition, policy=row, actor=command_line())
        failed = [one for one in found if one.outcome is Outcome.FAIL]
        checks = [f"{one.outcome}  {one.code}: {one}" for one in found]
        return Judged({"policy": str(row), "checks": checks}, str(failed[0]) if failed else None)

    def disconnect(self, options: dict[str, Any]) -> Answer:
        return {"disconnected": disconnect(chosen_or_all(options), actor=command_line())}

    def rekey(self, options: dict[str, Any]) -> Answer:
        return {"rekeyed": rekey(chosen_or_all(options), actor=command_line())}


def _ended(job: Job) -> Job:
    return jobs.run(job.pk) or jobs.wait(job.pk)


def _told(job: Job) -> Judged:
    """What a job said, the log of the negotiation too."""
    lines = list(job.messages)
    is_done = job.state == JobState.DONE
    last = lines[-1] if lines else "The worker has not ended it yet: look at the jobs."
    answer = {"messages": lines} if len(lines) > 1 or is_done else None
    return Judged(answer, None if is_done else last)
