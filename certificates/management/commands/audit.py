"""`./ccxsec audit`: is the audit log what was written?"""

from typing import Any

from django.core.management import CommandParser

from certificates.management.operator_command import Answer, OperatorCommand
from certificates.operations import verify_audit
from certificates.refusal import Refused


class Command(OperatorCommand):
    help = "The audit log."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        self.verb(verbs, "verify", self.verify, "find changed, missing and inserted events")

    def verify(self, options: dict[str, Any]) -> Answer:
        verdict = verify_audit()
        if verdict.problem:
            kept = f"The {verdict.events} events before it are as they were written."
            raise Refused("audit.broken", verdict.problem, kept)
        return {"events": verdict.events, "verdict": "whole"}
