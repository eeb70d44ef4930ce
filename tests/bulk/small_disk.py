"""A small disk of its own over a folder, to be filled: writing beyond its end fails for real."""

import os
import pwd
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.parts import in_ci

KIB, MIB = 1024, 1024 * 1024


@contextmanager
def small_disk(folder: Path, *, size: int = 2 * MIB, user: str = "") -> Iterator[Path]:
    """Mounted over `folder` for as long as the block lasts; skips where that may not be done.

    Args:
        size: bytes, rounded up to pages.
        user: whose folder it is; "": of whoever runs the tests.
    """
    if os.geteuid():
        message = "mounting a small disk needs root"
        pytest.fail(message) if in_ci() else pytest.skip(message)
    folder.mkdir(exist_ok=True)
    owner = pwd.getpwnam(user) if user else pwd.getpwuid(os.geteuid())
    options = f"size={size},mode=700,uid={owner.pw_uid},gid={owner.pw_gid}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path, *, leave: int = 0) -> Path:
    """A file that takes all the space there but `leave` bytes; removing it frees the disk."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4 * KIB)
        except OSError:
            file.truncate(max(0, file.tell() - leave))
    return filler
