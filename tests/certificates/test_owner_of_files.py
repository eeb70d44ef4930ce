"""What root makes in a folder of the product's user belongs to that user (MN-4)."""

import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest

from certificates import local_files
from certificates.operations.backup.folder import NewFile
from certificates.reach.files import LocalFiles, Rights
from certificates.store import Store

pytestmark = [
    pytest.mark.spec("MN-4"),
    pytest.mark.skipif(os.geteuid() != 0, reason="giving files away needs root"),
]
USER, GROUP = 65534, 65533


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    os.chown(folder, USER, GROUP)
    return folder


def publish(data: Path) -> None:
    store = Store(LocalFiles(), PurePosixPath(data / "store" / "tomcat"), code_key=b"k")
    for number in (1, 2):
        store.publish(number, {"key.pem": b"secret", "cert.pem": b"public"})


def back_up(data: Path) -> None:
    with NewFile(data / "one.ccxsec-backup") as file:
        file.file.write(b"content")
        file.sync()
        file.keep()


def lock(data: Path) -> None:
    local_files.make_folder(data / "run" / "deep")
    os.close(local_files.open_lock(data / "run" / "deep" / "one.lock"))
    with local_files.one_of(data / "places", 2) as taken:
        assert taken


def create(data: Path) -> None:
    local_files.create_once(data / "keys" / "secret.key", local_files.new_secret_key)


def replace(data: Path) -> None:
    local_files.replace(data / "anchor", b"new")
    local_files.replace(data / "anchor", b"newer")


@pytest.mark.parametrize("make", [publish, back_up, lock, create, replace])
def test_it_is_the_owner_s_and_nobody_else_s(data: Path, make: Callable[[Path], None]) -> None:
    make(data)

    made = [path for path in data.rglob("*") if not path.is_symlink()]
    assert made
    for path in made:
        about = path.lstat()
        assert (about.st_uid, about.st_gid) == (USER, GROUP), path
        assert path.is_dir() or about.st_mode & 0o077 == 0, path


def test_a_reader_that_was_named_gets_the_files_and_no_folder(data: Path) -> None:
    files, rights = LocalFiles(), Rights(gid=4)
    files.make_folder(PurePosixPath(data / "store"), rights)
    files.write_new(PurePosixPath(data / "store" / "key.pem"), b"secret", rights)

    folder, key = (data / "store").stat(), (data / "store" / "key.pem").stat()
    assert (key.st_uid, key.st_gid, key.st_mode & 0o777) == (USER, 4, 0o640)
    assert (folder.st_uid, folder.st_gid, folder.st_mode & 0o777) == (USER, GROUP, 0o711)


def test_what_is_replaced_keeps_its_owner_whoever_has_the_folder(data: Path) -> None:
    path = data / "kept"
    path.write_text("old")
    os.chown(path, 4, 4)

    local_files.replace(path, b"new")

    assert (path.stat().st_uid, path.read_bytes()) == (4, b"new")
