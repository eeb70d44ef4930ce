"""Each benchmark in a process and a folder of its own: what one leaves, the next never meets."""

import importlib
import sys
import tempfile
from argparse import Namespace
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from benchmarks.environment import installation
from benchmarks.report import Table


def measure_apart(name: str, options: Namespace) -> list[Table]:
    """The folder is removed however the benchmark ends."""
    with (
        tempfile.TemporaryDirectory(prefix="ccxsec-bench-") as folder,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool,
    ):
        return pool.submit(_measure, name, Path(folder), options).result()


def _measure(name: str, folder: Path, options: Namespace) -> list[Table]:
    """Imports the benchmark only once Django is loaded, as it uses the product's models."""
    print(f"{name}: installing ...", file=sys.stderr)
    with installation(folder, options.database):
        tables: list[Table] = importlib.import_module(f"benchmarks.{name}").measure(options)
    return tables
