"""A node's certificates where its services read them (DESIGN rule 5), on this server or another.

`<folder>/versions/<generation>/{cert,chain,fullchain,key,trust}.pem`, two key stores for Java, and
the link `<folder>/current` to the version in force. A version is complete and synced before the
link points to it, and the link moves by one rename: a reader never sees a key without its
certificate. A version in force is never written to again. Its `manifest.json` lists what was
written, under a code that only this installation can make: what was changed by hand is seen.
"""

import contextlib
import errno
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from certificates.reach.files import ClosedFolderError, Entry, Files, LocalFiles, Rights

KEPT_VERSIONS = 3
MANIFEST = "manifest.json"
CERTIFICATE, FULL_CHAIN, KEY = "cert.pem", "fullchain.pem", "key.pem"
MOST_BYTES = 256 * 1024 * 1024  # of a file that is read to be compared
# What the versions before manifests were made of.
UNSIGNED = (CERTIFICATE, "chain.pem", FULL_CHAIN, KEY, "trust.pem")
PASSABLE = 0o001
_LEFTOVER = ".new-"


@dataclass(frozen=True, slots=True)
class Look:
    """What stands in a store.

    Args:
        generation: that the link points to; 0: there is no link.
        foreign: sentences: what was changed by hand. Nothing of it is overwritten unasked.
        missing: names of files that are gone.
        is_signed: the version in force has a manifest of this installation.
        has_others: without one, there are files that no version without one had.
        files: content by name, as far as it could be read.
    """

    generation: int = 0
    foreign: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    is_signed: bool = False
    has_others: bool = False
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def is_whole(self) -> bool:
        return bool(self.generation and self.is_signed and not self.foreign and not self.missing)

    @property
    def pair(self) -> tuple[bytes, bytes]:
        """Certificate with its chain, and key; b"" for what is not there."""
        return self.files.get(FULL_CHAIN, b""), self.files.get(KEY, b"")


class Store:
    """The store of one service on one node.

    Args:
        about: whose it is; the manifest's code is made over it.
        code_key: of the manifests; b"" where nothing is written or compared.
    """

    def __init__(
        self,
        files: Files,
        folder: Path | PurePosixPath,
        *,
        about: str = "",
        code_key: bytes = b"",
        rights: Rights | None = None,
    ) -> None:
        self._files, self._base = files, PurePosixPath(folder)
        self._about, self._code_key, self._rights = about, code_key, rights or Rights()

    @property
    def current(self) -> Path:
        """The folder in force, resolved: its files belong together also when the link moves.

        On this server only.
        """
        return (Path(self._base) / "current").resolve(strict=True)

    def generation(self) -> int:
        """Which generation is in force; 0 for none."""
        return self._pointed_to()[0]

    def look(self) -> Look:
        """Compare what is there with what was written. Raises `OSError`."""
        generation, elsewhere = self._pointed_to()
        if elsewhere:
            return Look(foreign=(f"`current` points to {elsewhere}.",))
        if not generation:
            return Look()
        folder = self._base / "versions" / str(generation)
        try:
            there = {entry.name: entry for entry in self._files.entries(folder)}
        except FileNotFoundError:
            return Look(generation, missing=(f"versions/{generation}",))
        content = self._contents(folder, there, [MANIFEST])
        written = self._written(content.get(MANIFEST, b""), generation)
        content |= self._contents(folder, there, written.listed if written else UNSIGNED)
        if written is None:
            others = set(there) - set(UNSIGNED)
            return Look(generation, files=content, has_others=bool(others))
        gone = tuple(name for name in written.listed if name not in there)
        foreign = tuple(written.foreign(there, content))
        return Look(generation, foreign, gone, is_signed=True, files=content)

    def _contents(
        self, folder: PurePosixPath, there: Mapping[str, Entry], names: Iterable[str]
    ) -> dict[str, bytes]:
        """Of plain files of a size that can be ours; one that can't be read has none."""
        found = {}
        for name in names:
            entry = there.get(name)
            if entry and entry.is_file and entry.size <= MOST_BYTES:
                with contextlib.suppress(PermissionError):
                    found[name] = self._files.read(folder / name)
        return found

    def publish(
        self, generation: int, files: Mapping[str, bytes], *, over_foreign: bool = False
    ) -> bool:
        """Put a version in force. May be repeated: what is in force stays there meanwhile.

        Callers hold `locked`.

        Args:
            over_foreign: what is in force was not written by this product, and may go: its number
                says nothing.

        Returns:
            False: a newer generation is in force already; nothing was changed ("stale").
        """
        if self.generation() > generation and not over_foreign:
            return False
        self.make()
        versions = self._base / "versions"
        self._files.make_folder(versions, self._rights)
        target, manifest = versions / str(generation), self._manifest(generation, files)
        if self._is_in_force(generation, manifest):
            self._files.make_folder(target, self._rights)  # the manifest tells nothing of its mode
            self._sync(target)
        else:
            self._write_version(target, {**files, MANIFEST: manifest})
            self._switch(target)
        self._prune(generation)
        return True

    def _is_in_force(self, generation: int, manifest: bytes) -> bool:
        """As a writer leaves it that died before it could say so: whole, and these very files."""
        if self.generation() != generation:
            return False
        now = self.look()
        return now.is_whole and now.files[MANIFEST] == manifest

    def _sync(self, target: PurePosixPath) -> None:
        for folder in (target, target.parent, self._base):
            self._files.sync_folder(folder)

    def make(self) -> None:
        """The folder itself, so that it can be locked.

        Raises:
            ClosedFolderError: somebody else shall read, and can't get there.
        """
        self._files.make_folder(self._base, self._rights)
        if self._rights.are_given:
            for parent in self._base.parents:
                if not self._files.mode(parent) & PASSABLE:
                    raise ClosedFolderError(parent)

    @property
    def lock(self) -> PurePosixPath:
        return self._base / ".lock"

    def _pointed_to(self) -> tuple[int, str]:
        """The generation that the link points to, or else where it points to."""
        try:
            target = self._files.link_target(self._base / "current")
        except FileNotFoundError:
            return 0, ""
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            return 0, "something that is no link"
        name = target.removeprefix("versions/")
        is_number = re.fullmatch("[1-9][0-9]{0,11}", name) and target == f"versions/{name}"
        return (int(name), "") if is_number else (0, repr(target)[:100])

    def _write_version(self, target: PurePosixPath, files: Mapping[str, bytes]) -> None:
        new = target.with_name(f"{_LEFTOVER}{target.name}-{secrets.token_hex(6)}")
        self._files.make_folder(new, self._rights)
        for name, data in files.items():
            self._files.write_new(new / name, data, self._rights)
        self._files.sync_folder(new)
        # What a writer that died before the switch has left, or what was changed by hand.
        old = target.with_name(f"{_LEFTOVER}{target.name}-{secrets.token_hex(6)}")
        with contextlib.suppress(FileNotFoundError):
            self._files.rename(target, old)
        self._files.rename(new, target)
        self._files.sync_folder(target.parent)

    def _switch(self, target: PurePosixPath) -> None:
        link = self._base / f"{_LEFTOVER}current-{secrets.token_hex(6)}"
        self._files.make_link(link, f"versions/{target.name}")
        self._files.rename(link, self._base / "current")
        self._files.sync_folder(self._base)

    def _prune(self, generation: int) -> None:
        """Old versions, and what dead writers left."""
        for folder in (self._base, self._base / "versions"):
            for entry in self._files.entries(folder):
                old = entry.name.isdecimal() and int(entry.name) <= generation - KEPT_VERSIONS
                if entry.name.startswith(_LEFTOVER) or (old and folder.name == "versions"):
                    self._files.remove(folder / entry.name)

    def _manifest(self, generation: int, files: Mapping[str, bytes]) -> bytes:
        written = {
            "generation": generation,
            "owner": [self._rights.uid, self._rights.gid],
            "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
        }
        return f"{json.dumps(written | {'code': self._code(written)}, indent=1)}\n".encode()

    def _written(self, manifest: bytes, generation: int) -> "_Written | None":
        """None: this installation has not written the manifest for this version."""
        try:
            read = json.loads(manifest)
            code = str(read.pop("code"))
            if not hmac.compare_digest(code.encode(), self._code(read).encode()):
                return None
            written = _Written(dict(read["sha256"]), Rights(*read["owner"]))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None
        return written if read["generation"] == generation else None

    def _code(self, written: Mapping[str, object]) -> str:
        body = json.dumps([self._about, written], sort_keys=True).encode()
        return hmac.new(self._code_key, body, hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class _Written:
    """What a manifest says: digests by name, and whose the files are."""

    listed: Mapping[str, str]
    rights: Rights

    def foreign(self, there: Mapping[str, Entry], content: Mapping[str, bytes]) -> Iterator[str]:
        """What is otherwise now, as far as it is there."""
        for name, digest in self.listed.items():
            entry = there.get(name)
            if entry is None:
                continue
            if not entry.is_file:
                yield f"{name} is no plain file."
            elif name not in content:
                yield f"{name} can't be read, or is far too large."
            elif hashlib.sha256(content[name]).hexdigest() != digest:
                yield f"{name} was changed."
            elif entry.mode != self.rights.file_mode:
                yield f"{name} has mode {entry.mode:o} instead of {self.rights.file_mode:o}."
            elif self.rights.uid not in (-1, entry.uid) or self.rights.gid not in (-1, entry.gid):
                yield f"{name} belongs to another user or group."


def local_store(folder: Path) -> Store:
    """A store of this server, to read from."""
    return Store(LocalFiles(), folder)
