"""What root makes in a folder of the product's user belongs to that user (MN-4)."""

import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest
from django.db import DEFAULT_DB_ALIAS, connections

from certificates import local_files
from certificates.local_files import INSTALLATION
from certificates.operations.backup.folder import NewFile
from certificates.reach.files import LocalFiles, Rights
from certificates.store import Store

pytestmark = [
    pytest.mark.spec("MN-4"),
    pytest.mark.skipif(os.geteuid() != 0, reason="giving files away needs root"),
]
USER, GROUP = 65534, 65533


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    os.chown(folder, USER, GROUP)
    for above in (tmp_path, *tmp_path.parents):  # that user passes on the way to it
        if not above.stat().st_mode & 0o001:
            above.chmod(0o711)
    monkeypatch.setattr(INSTALLATION, "data", folder)
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
    folder = data.parent / "of root"
    folder.mkdir()
    path = folder / "kept"
    path.write_text("old")
    os.chown(path, 4, 4)

    local_files.replace(path, b"new")

    assert (path.stat().st_uid, path.read_bytes()) == (4, b"new")


@pytest.mark.parametrize("make", [publish, back_up, lock, create, replace])
def test_in_anybody_else_s_folder_it_is_root_s(data: Path, make: Callable[[Path], None]) -> None:
    """An application's account is not given a key because it owns the folder around its store."""
    other = data.parent / "application"
    other.mkdir(mode=0o700)
    os.chown(other, 4, 4)

    make(other)

    assert {path.lstat().st_uid for path in other.rglob("*")} == {0}


@pytest.mark.parametrize("make", [publish, back_up, lock, create, replace])
def test_a_link_in_a_folder_s_place_leads_to_nothing_of_root_s(
    data: Path, make: Callable[[Path], None]
) -> None:
    """Whoever owns the folder may exchange it at any moment, so also before."""
    root_s = data.parent / "of root"
    root_s.mkdir(mode=0o755)
    place = data / "place"
    place.symlink_to(root_s)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(INSTALLATION, "data", data)
        stat = Path.stat

        def as_before(path: Path, **given: bool) -> os.stat_result:
            return stat(data if path == place else path, **given)

        patch.setattr(Path, "stat", as_before)  # it was looked at when it was that user's still
        with pytest.raises(OSError, match="denied"):
            make(place)

    assert list(root_s.iterdir()) == []
    assert os.geteuid() == 0


def test_the_database_that_root_makes_is_that_user_s(db: None, data: Path) -> None:
    wrapper = connections.create_connection(DEFAULT_DB_ALIAS)
    if wrapper.vendor != "sqlite":
        pytest.skip("a database of SQLite is a file")
    wrapper.settings_dict = wrapper.settings_dict | {"NAME": str(data / "new.sqlite3")}

    with wrapper.cursor() as cursor:
        cursor.execute("CREATE TABLE made (id integer)")
    wrapper.close()

    assert {path.stat().st_uid for path in data.iterdir()} == {USER}
