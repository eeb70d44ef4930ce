"""Runs a script inside a product's process that is kept, as its start is what takes the time."""

import contextlib
import io


def run_script(script: str) -> str:
    """What it printed. `tests.lab.worker.Worker` calls this in its own process."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(script, {})
    return printed.getvalue().strip()
