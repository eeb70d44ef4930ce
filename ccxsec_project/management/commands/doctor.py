"""`./ccxsec doctor`: is everything as it must be? Reads only, and connects nowhere."""

import time
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.db import DatabaseError, connection
from django.utils import timezone

from ccxsec_project.doctor import ALL_CHECKS, findings
from certificates.management.operator_command import Answer, Judged, OperatorCommand
from certificates.operations.doctor import Asked
from certificates.outages import outage_of
from certificates.refusal import Finding

PAUSE = 2.0  # seconds between two looks


class Command(OperatorCommand):
    help = (
        "Look whether certificates, keys, stores, jobs, notices and the audit log hang together."
        " Reads only. Exit status 0: nothing was found; 1: something was."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--settled",
            action="store_true",
            help="the product is at rest: what is only under way is a finding, too",
        )
        parser.add_argument(
            "--wait",
            type=float,
            default=0.0,
            metavar="SECONDS",
            help="look again until nothing is found, for at most so long",
        )
        parser.add_argument("--json", action="store_true", dest="as_json", help="print JSON")
        parser.set_defaults(run=self.examine)

    def examine(self, options: dict[str, Any]) -> Answer:
        deadline = time.monotonic() + options["wait"]
        while (found := _look(settled=options["settled"])) and time.monotonic() < deadline:
            time.sleep(PAUSE)
        verdict = f"{len(found)} findings" if found else "nothing was found"
        answer = {"checks": len(ALL_CHECKS), "verdict": verdict}
        answer |= {
            "findings": [
                {"code": one.code, "sentence": one.sentence, "cure": one.cure} for one in found
            ]
        }
        return Judged(answer, f"{verdict}: each says what to do." if found else None)

    def print_lines(self, answer: Mapping[str, Any]) -> None:
        for one in answer["findings"]:
            self.stdout.write(f"{one['code']}: {one['sentence']} {one['cure']}")
        if not answer["findings"]:
            self.stdout.write("Everything is as it must be: nothing was found.")


def _look(*, settled: bool) -> list[Finding]:
    """A database that can't be asked is what is wrong, and may come back."""
    try:
        return list(findings(Asked(timezone.now(), settled=settled)))
    except DatabaseError as error:
        connection.close()
        outage = outage_of(error)
        if outage is None:
            raise
        return [Finding(outage.code, outage.sentence, outage.cure)]
