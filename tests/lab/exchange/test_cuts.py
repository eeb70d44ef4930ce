"""The line is cut at random points: nothing is half-written, and the next run succeeds (BK-5)."""

import os
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.bulk.line import Break, How, Line, line_to
from tests.lab.exchange import acts
from tests.lab.exchange.clusters import Cluster, Exchange
from tests.lab.exchange.directory import kept, leftovers, whole
from tests.ssh_server import SshServer

pytestmark = pytest.mark.spec("BK-5")

CUTS = int(os.environ.get("CUTS", "50"))
CLEAR = re.compile(r"(The connection to .+ was cut while|.+ can't be reached, )")


@dataclass
class Cut:
    """Oslo reaches the server over a line that breaks; Vienna's is whole."""

    lab: Exchange
    line: Line

    @property
    def oslo(self) -> Cluster:
        return self.lab.clusters["oslo"]

    def passing(self, kind: str) -> dict[str, int]:
        """How many bytes pass each way when nothing breaks."""
        self.line.passed.update(up=0, down=0)
        self.oslo.do(kind, *WORDS[kind])
        return dict(self.line.passed)

    def run(self, kind: str, fault: Break) -> acts.Ended:
        """A run during which the line breaks; afterwards it is whole again."""
        self.line.passed.update(up=0, down=0)
        self.line.fault = fault
        ended = self.oslo.run(kind, *WORDS[kind])
        self.line.fault = None
        self.line.mend()
        return ended


WORDS = {"export": ["all"], "consolidate": [], "look": []}


@pytest.fixture
def cut(pair: Exchange, sftp_server: SshServer) -> Iterator[Cut]:
    pair.put_back("trusting")
    with line_to(sftp_server.port) as line:
        pair.connect(pair.clusters["oslo"], port=line.port)
        yield Cut(pair, line)


@pytest.mark.parametrize("kind", WORDS)
def test_fifty_cuts(kind: str, cut: Cut) -> None:
    seed = int(os.environ.get("CUT_SEED", random.SystemRandom().randrange(10**9)))
    sys.stdout.write(f"CUT_SEED={seed}\n")
    chance, told = random.Random(seed), Counter[str]()
    passing = cut.passing(kind)
    for number in range(CUTS):
        way = chance.choice(["up", "down"])
        fault = Break(chance.randrange(1, passing[way]), way, chance.choice([How.RESET, How.CLOSE]))
        before, content = cut.lab.files, cut.oslo.ask(acts.content)

        ended = cut.run(kind, fault)

        after, said = cut.lab.files, str(ended["said"][-1])
        assert ended["state"] in ("failed", "done"), (number, fault, said)
        is_new = {*whole(after)} - {*whole(before)}
        if ended["state"] == "failed":
            assert CLEAR.match(said), (number, fault, said)
            assert not (is_new and "Nothing was changed" in said), (number, fault, said)
            assert cut.oslo.ask(acts.content) == content, (number, fault)
            assert cut.oslo.ask(acts.page)["trouble"] == said
        kept(before, after)
        told[re.sub(r"[0-9a-f-]{16,}|\d+", "#", said)[:100]] += 1
        if number % 2:  # else the next cut meets what this one has left
            assert cut.oslo.run(kind, *WORDS[kind])["state"] == "done", (number, fault)
            assert leftovers(cut.lab.files) == [] or kind == "look"
            assert cut.oslo.ask(acts.page)["trouble"] == ""
    sys.stdout.write("\n".join(f"{count} {line}" for line, count in told.most_common()))
