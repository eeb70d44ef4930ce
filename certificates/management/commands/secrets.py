"""`./ccxsec secrets`: the master keys that seal every secret in the database."""

from typing import Any

from django.core.management import CommandParser

from certificates import jobs, web_server
from certificates.access import command_line
from certificates.management.operator_command import Answer, OperatorCommand
from certificates.operations import add_master_key, retire_master_key, rotation_state
from certificates.operations.rotate import start_rewrap


class Command(OperatorCommand):
    help = "Master keys, and their rotation."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        self.verb(verbs, "show", self.show, "which master keys there are, and what needs them")
        self.verb(verbs, "rotate", self.rotate, "add a master key and wrap every secret with it")
        self.verb(verbs, "rewrap", self.rewrap, "wrap every secret with the newest master key")
        retire = self.verb(verbs, "retire", self.retire, "take out a master key nothing needs")
        retire.add_argument("number", type=int)

    def show(self, options: dict[str, Any]) -> Answer:
        state = rotation_state()
        return {
            "newest": state.current,
            "keys": [f"{number}: {uses} sealed values" for number, uses in state.uses.items()],
            "may_go": ", ".join(map(str, state.retirable)),
        }

    def rotate(self, options: dict[str, Any]) -> Answer:
        return self._follow(add_master_key(actor=command_line()).pk)

    def rewrap(self, options: dict[str, Any]) -> Answer:
        return self._follow(start_rewrap(actor=command_line()).pk)

    def _follow(self, job_id: int) -> Answer:
        """The worker does it in the background; where none runs, it is done here and now."""
        if web_server.running():
            return {"job": job_id, "next": "./ccxsec secrets show says when the old key may go."}
        ended = jobs.run(job_id)
        return {"job": job_id, "result": ended.messages[-1] if ended else "taken by a worker"}

    def retire(self, options: dict[str, Any]) -> Answer:
        retire_master_key(options["number"], actor=command_line())
        return {"retired": options["number"]}
