"""A node's certificates on disk, where its services read them (DESIGN rule 5).

`<store>/<service>/versions/<generation>/{cert,chain,fullchain,key}.pem`, and the link
`<store>/<service>/current` to the one in force. A version is complete and synced before the link
points to it, and the link moves by one rename: a reader never sees a key without its certificate.
"""

import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from certificates.local_files import locked, sync_folder, write_new

KEPT_VERSIONS = 3
_LEFTOVER = ".new-"


class Store:
    """The store of one service on the local node."""

    def __init__(self, root: Path, service: str) -> None:
        self._base = root / service

    @property
    def current(self) -> Path:
        """The folder in force, resolved: its files belong together also when the link moves."""
        return (self._base / "current").resolve(strict=True)

    def generation(self) -> int:
        """Which generation is in force; 0 for none."""
        try:
            return int((self._base / "current").readlink().name)
        except (OSError, ValueError):
            return 0

    def holds(self, generation: int, certificate: bytes) -> bool:
        """Whether `generation` is in force, with a key and exactly this certificate in PEM."""
        current = self._base / "current"
        try:
            same = (current / "cert.pem").read_bytes() == certificate
            return same and self.generation() == generation and (current / "key.pem").is_file()
        except OSError:
            return False

    def publish(
        self, generation: int, files: Mapping[str, bytes], *, check: Callable[[Path], object]
    ) -> bool:
        """Put a version in force. May be repeated.

        Args:
            check: is given the complete folder before it comes into force; what it raises leaves
                everything as it was.

        Returns:
            False: a newer generation is in force already; nothing was changed ("stale").
        """
        versions = self._base / "versions"
        versions.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(self._base / ".lock"):
            if self.generation() > generation:
                return False
            target = versions / str(generation)
            if not _has(target, files):
                self._write_version(target, files)
            check(target)
            self._switch(target)
            self._prune(generation)
        return True

    def _write_version(self, target: Path, files: Mapping[str, bytes]) -> None:
        new = target.with_name(f"{_LEFTOVER}{target.name}-{secrets.token_hex(6)}")
        new.mkdir(mode=0o700)
        for name, data in files.items():
            write_new(new / name, data)
        sync_folder(new)
        if target.exists():  # somebody took files out of it
            shutil.rmtree(target)
        new.rename(target)
        sync_folder(target.parent)

    def _switch(self, target: Path) -> None:
        link = self._base / f"{_LEFTOVER}current-{secrets.token_hex(6)}"
        link.symlink_to(Path("versions") / target.name)
        link.rename(self._base / "current")
        sync_folder(self._base)

    def _prune(self, generation: int) -> None:
        """Under the lock: old versions, and what dead writers left."""
        for path in [*self._base.glob(f"{_LEFTOVER}*"), *(self._base / "versions").iterdir()]:
            leftover = path.name.startswith(_LEFTOVER)
            old = path.name.isdecimal() and int(path.name) <= generation - KEPT_VERSIONS
            if not (leftover or old):
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def _has(folder: Path, files: Mapping[str, bytes]) -> bool:
    """Whether a version was written already, exactly so."""
    try:
        return all((folder / name).read_bytes() == data for name, data in files.items())
    except OSError:
        return False
