"""One torture run: start everything, let clients work while processes die, then look."""

import contextlib
import itertools
import json
import random
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.bulk.transferring import Exchange, exchange
from tests.lab.postgres import restartable_postgres
from tests.monitor.mail_server import Script, mail_server
from tests.product import PASSWORD, Product
from tests.torture.acts import Client
from tests.torture.browser import Browser
from tests.torture.ledger import Ledger
from tests.torture.processes import Place, command

STALLED = 30.0  # seconds without enough answers, until the next process dies all the same
TO = "ops@example.com"
SET_UP = """
import sys
from datetime import timedelta
from django.utils import timezone
from certificates.access import Actor
from certificates.models import MonitorSettings
from certificates.operations import configure_monitor, set_backups
from certificates.operations.backup.schedule import Choice
from certificates.operations.monitoring import MonitorChange
change = MonitorChange(
    start_days=30, frequency=1, frequency_unit="days", email_enabled=True, addresses="{to}",
    smtp_host="127.0.0.1", smtp_port={mail}, smtp_security="none",
    smtp_sender="ccxsec@example.com",
)
configure_monitor(change, actor=Actor("torture"), now=timezone.now())
set_backups(Choice("passphrase", passphrase="a long enough passphrase 1", kept=3),
            actor=Actor("torture"))
"""


@dataclass
class Result:
    """What came of it; `violations` empty: nothing is wrong."""

    seconds: float
    killed: dict[str, int]
    answers: dict[str, dict[str, int]]
    mails: int
    violations: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        yield f"{self.seconds:.0f} seconds of work; killed: {_counted(self.killed)}"
        for kind, outcomes in self.answers.items():
            yield f"  {kind:10} {_counted(outcomes)}"
        yield f"  {self.mails} mails arrived"
        yield from (f"VIOLATION {line}" for line in self.violations)
        yield "Nothing was found." if not self.violations else f"{len(self.violations)} violations."


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "nothing"


def torture(
    *,
    seconds: float,
    seed: int,
    sqlite: bool,
    clients: int = 6,
    quiet: float = 600.0,
    keep: Path | None = None,
) -> Result:
    """Args: `quiet`: seconds to come to rest in; 0 asks for no rest. `keep`: a copy of the log."""
    rng = random.Random(seed)
    with contextlib.ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="ccxsec-torture-")))
        url, restart = "", None
        if not sqlite:
            url, restart = held.enter_context(restartable_postgres())
        script = Script()
        port = held.enter_context(mail_server(folder / "mail", script, security="none"))
        server = held.enter_context(exchange())
        product = Product(folder / "data", settings=_settings(url))
        place = Place(product, restart, rng)
        held.callback(place.stop)
        place.start()
        _set_up(product, server, port)
        ledger, begun = Ledger(), time.monotonic()
        _work(place, ledger, rng, clients=clients, seconds=seconds)
        took = time.monotonic() - begun
        violations = _look(place, ledger, script, server, folder, quiet=quiet)
        violations += _log_violations(product.log.read_text(errors="replace"))
        if keep:
            keep.write_text(product.log.read_text(errors="replace"))
        return Result(took, place.killed, ledger.counts(), len(script.taken), violations)


def _settings(url: str) -> dict[str, str]:
    known = {"DJANGO_SETTINGS_MODULE": "ccxsec_project.settings"}
    known |= {"CCXSEC_HEARTBEAT_LIMIT": "45", "CCXSEC_LOG_LEVEL": "WARNING"}
    return known | ({"DATABASE_URL": url} if url else {})


def _set_up(product: Product, server: Exchange, mail: int) -> None:
    script = SET_UP.format(to=TO, mail=mail)
    done = command(product, "manage.py", "shell", "-v", "0", "-c", script)
    assert done.returncode == 0, done.stderr
    key = server.server.base / "client_key"
    words = ["--host", "127.0.0.1", "--port", str(server.server.port)]
    words += ["--user", server.server.user, "--directory", str(server.directory)]
    words += ["--private-key-file", str(key), "--host-key", server.server.fingerprint]
    done = command(product, "manage.py", "bulk", "set", *words)
    assert done.returncode == 0, done.stdout + done.stderr


def _work(
    place: Place, ledger: Ledger, rng: random.Random, *, clients: int, seconds: float
) -> None:
    """Clients in threads; this one kills."""
    end = threading.Event()

    def go_on(seed: int) -> None:
        browser = Browser(place.ports, "admin", PASSWORD)
        client = Client(browser, ledger, random.Random(seed))
        while not end.is_set():
            client.step()

    threads = [
        threading.Thread(target=go_on, args=(rng.getrandbits(32),), daemon=True)
        for _ in range(clients)
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        _wait_for_answers(ledger, rng.randint(2, 20), min(deadline, time.monotonic() + STALLED))
        place.kill_one()
    end.set()
    for thread in threads:
        thread.join(90)


def _wait_for_answers(ledger: Ledger, many: int, deadline: float) -> None:
    """On a slow machine, too, something must be up again before the next one dies."""
    wanted = ledger.answered + many
    while ledger.answered < wanted and time.monotonic() < deadline:
        time.sleep(0.05)


def _look(
    place: Place, ledger: Ledger, script: Script, server: Exchange, folder: Path, *, quiet: float
) -> list[str]:
    """Wait for rest, then ask the doctor, the ledger and the mail server."""
    words = ["manage.py", "doctor", "--json", "--wait", str(quiet or 20)]
    asked = command(place.product, *words, *(["--settled"] if quiet else []), seconds=quiet + 120)
    try:
        findings = json.loads(asked.stdout)["findings"]
    except ValueError:
        return [f"doctor: {asked.stdout}{asked.stderr}"]
    violations = [f"{one['code']}: {one['sentence']}" for one in findings]
    book, mails = folder / "ledger.json", folder / "mails.json"
    ledger.write(book)
    mails.write_text(json.dumps([str(message["Message-ID"]) for message in script.messages]))
    words = ["-m", "tests.torture.verdict", str(book), str(mails), str(server.directory)]
    told = command(place.product, *words)
    if told.returncode:
        violations.append(f"verdict: {told.stderr}")
    return violations + told.stdout.splitlines()


def _log_violations(log: str) -> list[str]:
    """A trace in the log is a bug, wherever it came from; what an outage does is a line."""
    errors = log.split("Internal Server Error")[1:]
    return [f"log: internal server error{_trace(error)}" for error in errors]


def _trace(behind: str) -> str:
    """Of which address, and the trace: the indented lines, until the next record begins."""
    first, *lines = behind.splitlines()
    trace = list(itertools.takewhile(lambda line: line.startswith(" "), lines))
    return "\n".join([first, *trace])
