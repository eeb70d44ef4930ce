"""A version that is written a second time: what is in force stays there at every step."""

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from certificates.reach.files import LocalFiles
from certificates.store import KEY, MANIFEST, Store

pytestmark = pytest.mark.spec("CM-14")
FILES = {"cert.pem": b"certificate", "fullchain.pem": b"chain", KEY: b"key"}


class Watched(LocalFiles):
    """After each step it is looked whether a server that starts now would find its key."""

    def __init__(self, base: Path) -> None:
        self.base, self.steps, self.gaps = base, 0, 0

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in {"rename", "remove", "make_link", "write_new", "make_folder"}:
            return found
        return self._watched(found)

    def _watched(self, step: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: Any) -> Any:
            done = step(*given)
            self.steps += 1
            self.gaps += not (self.base / "current" / KEY).exists()
            return done

        return run


def store_of(base: Path, files: LocalFiles) -> Store:
    return Store(files, PurePosixPath(base), about="tomcat", code_key=b"k" * 32)


def test_what_is_in_force_is_there_at_every_step(tmp_path: Path) -> None:
    store_of(tmp_path, LocalFiles()).publish(1, FILES)
    inode = (tmp_path / "current").resolve().stat().st_ino
    watched = Watched(tmp_path)
    store = store_of(tmp_path, watched)

    assert store.publish(1, FILES)
    assert (tmp_path / "current").resolve().stat().st_ino == inode
    assert store.publish(2, FILES | {KEY: b"another"})
    assert store.publish(2, FILES | {KEY: b"another"})

    assert watched.steps > 9
    assert watched.gaps == 0
    assert (tmp_path / "current" / KEY).read_bytes() == b"another"


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / KEY).write_bytes(b"by hand"),
        lambda folder: (folder / KEY).unlink(),
        lambda folder: (folder / KEY).chmod(0o644),
        lambda folder: (folder / MANIFEST).write_bytes(b"{}"),
    ],
    ids=["changed", "gone", "open", "no manifest"],
)
def test_what_is_not_whole_is_written_anew(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    store = store_of(tmp_path, LocalFiles())
    store.publish(1, FILES)
    damage((tmp_path / "current").resolve())
    assert not store.look().is_whole

    assert store.publish(1, FILES, over_foreign=True)

    assert store.look().is_whole
    assert (tmp_path / "current" / KEY).read_bytes() == b"key"
    assert [one.name for one in (tmp_path / "versions").iterdir()] == ["1"]


def test_the_mode_of_its_folder_is_mended(tmp_path: Path) -> None:
    store = store_of(tmp_path, LocalFiles())
    store.publish(1, FILES)
    folder = (tmp_path / "current").resolve()
    mode = folder.stat().st_mode
    folder.chmod(0o777)

    store.publish(1, FILES)

    assert folder.stat().st_mode == mode


def test_other_files_of_the_same_number_are_written(tmp_path: Path) -> None:
    store = store_of(tmp_path, LocalFiles())
    store.publish(1, FILES)

    assert store.publish(1, FILES | {KEY: b"another"})

    assert (tmp_path / "current" / KEY).read_bytes() == b"another"
    assert store.look().is_whole
