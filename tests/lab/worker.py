"""The product in a process of its own, to be killed and raced: that end, and the tests' end.

`serve` runs there and calls the functions that it is asked to, with JSON in and out, a line each.
What is to be killed runs in children that are forked from it, so that Django starts only once;
what they say comes out of the same pipe.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Self

from django.db import connections

from tests.product import ROOT

MAIN = "import django; django.setup(); from tests.lab.worker import serve; serve()"
# Each is named, as a developer's `.env` must not lead elsewhere.
FILES = {"CCXSEC_DATA": "", "CCXSEC_STORE": "store", "CCXSEC_AUDIT_ANCHOR": "audit.anchor"}
FILES |= {"CCXSEC_MASTER_KEY_FILE": "master.keys"}
PATIENCE = 120  # seconds after which a server that has not answered ends itself


class Worker:
    """The tests' end. In a `with` block; all its processes are gone afterwards."""

    def __init__(self, data: Path, **settings: str) -> None:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("CCXSEC_", "DATABASE_"))}
        url = f"sqlite:///{data / 'ccxsec.sqlite3'}"
        own = {"DJANGO_SETTINGS_MODULE": "ccxsec_project.settings", "CCXSEC_MASTER_KEYS": ""}
        own |= {"CCXSEC_ENV_FILE": os.devnull}
        own |= {name: str(data / file) for name, file in FILES.items()}
        self.said: list[str] = []  # fingerprints of what it has said to be done
        self.log = data.with_suffix(".log")
        self.environment = kept | {"DATABASE_URL": url} | own | settings
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )

    def command(self) -> list[str]:
        """The program that `serve`s."""
        return [sys.executable, "-c", MAIN]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def tell(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Have the process call `function`, whose result comes as a line."""
        self.order(f"{function.__module__}:{function.__name__}", *arguments)

    def order(self, *command: Any) -> None:
        """The name of a function, and its arguments."""
        self.process.stdin.write(json.dumps(command).encode() + b"\n")  # type: ignore[union-attr]
        self.process.stdin.flush()  # type: ignore[union-attr]

    def hear(self) -> Any:
        line = self.process.stdout.readline()  # type: ignore[union-attr]
        assert line, self.log.read_text()
        heard = json.loads(line)
        if isinstance(heard, dict) and "fingerprint" in heard:
            self.said.append(heard["fingerprint"])
        return heard

    def ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        self.tell(function, *arguments)
        return self.hear()

    def hear_until(self, step: str) -> dict[str, Any]:
        """The next line of a child that names `step`; "signal": the server tells how it ended."""
        while True:
            heard = self.hear()
            if step in (heard.get("step"), *heard):
                return dict(heard)
            assert "signal" not in heard, self.log.read_text()

    def kill(self) -> None:
        """SIGKILL for the server and its child; the pipe ends when both are gone."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        heard = map(json.loads, self.process.communicate()[0].splitlines())
        self.said += [line["fingerprint"] for line in heard if "fingerprint" in (line or ())]


# --- The process ---------------------------------------------------------------------------------
def say(value: Any) -> None:
    """One write: a line is never torn, also when its writer is killed."""
    os.write(sys.stdout.fileno(), json.dumps(value).encode() + b"\n")


def serve() -> None:
    """Answer commands until the pipe is closed."""
    for line in sys.stdin:
        signal.alarm(PATIENCE)
        function, *arguments = json.loads(line)
        answer = resolve_name(function)(*arguments)
        connections.close_all()  # a child must not inherit one
        signal.alarm(0)
        say(answer)
