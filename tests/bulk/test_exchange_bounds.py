"""What an archive claims never decides how much memory reading it takes."""

import io
import subprocess
import sys
import zlib
from hashlib import sha256
from pathlib import Path

import pytest

from bulk.exchange import limits
from bulk.exchange.export import read_export
from certificates.refusal import Refused
from tests.bulk.crafting import entry, files, items, manifest, packed, signed, tar
from tests.product import ROOT

pytestmark = pytest.mark.spec("BK-5")
MIB = 1024 * 1024
ZEROS = bytes(limits.ITEM)


class Zeros:
    """10 GiB of zeros in gzip behind what it begins with, and how much of them was asked for."""

    def __init__(self, start: bytes) -> None:
        packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        # After a full flush the next piece knows nothing of this one: it can be repeated.
        first = packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)
        self._piece = packer.compress(bytes(16 * MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
        self._waiting = b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + first
        self._pieces, self.given = 640, 0

    def read(self, size: int, /) -> bytes:
        while len(self._waiting) < size and self._pieces:
            self._waiting += self._piece
            self._pieces -= 1
        found, self._waiting = self._waiting[:size], self._waiting[size:]
        self.given += len(found)
        return found


def _many_items(size: int, there: int = limits.ITEMS) -> bytes:
    """20,000 items of zeros, signed as they are; of 64 KiB each they are 1.2 GiB.

    Args:
        there: how many of them are in the archive.
    """
    content, item = bytes(size), items()[0]
    item |= {"size": size, "sha256": sha256(content).hexdigest()}
    listed = [item | {"file": f"certificates/{n:05d}.pem"} for n in range(1, limits.ITEMS + 1)]
    contents = signed(manifest(items=listed, count=len(listed)))
    head = {name: contents[name] for name in list(contents)[:3]}
    return tar(head | {row["file"]: content for row in listed[:there]})


@pytest.mark.parametrize(
    ("start", "code"),
    [
        (b"", "archive.form"),
        (entry("manifest.json", size=8**11 - 1), "archive.size"),
        (tar(files(), entry("x", size=8**11 - 1), end=b""), "archive.entry"),
        (tar(files()), "archive.form"),
    ],
    ids=["alone", "manifest", "unlisted", "behind the end"],
)
def test_ten_gigabytes_of_zeros_are_not_unpacked(start: bytes, code: str) -> None:
    source = Zeros(start)

    with pytest.raises(Refused) as refusal:
        read_export(source)

    assert refusal.value.code == code
    assert source.given <= 64 * 1024


BOMBS = {
    "items": ("archive.size", lambda: packed(_many_items(limits.ITEM, 1_100))),
    "names": ("archive.manifest", lambda: _alone(b'{"":0},', 249_000)),
    "texts": ("archive.manifest", lambda: _alone(b'"abcdefghijk",', 499_000)),
    "lists": ("archive.manifest", lambda: _alone(b"[[]],", 166_000)),
}


def _alone(value: bytes, times: int) -> bytes:
    return packed(tar({"manifest.json": b'{"x": [' + value * times + b"0]}"}))


@pytest.mark.parametrize("bomb", list(BOMBS))
def test_a_bomb_takes_little_more_memory_than_its_limits(bomb: str, tmp_path: Path) -> None:
    """In a process of its own, as memory that was taken once counts for ever."""
    code, make = BOMBS[bomb]
    (tmp_path / "bomb").write_bytes(make())
    command = [sys.executable, "-m", "tests.bulk.test_exchange_bounds", str(tmp_path / "bomb")]

    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    refused, grown = told.split()
    assert refused == code
    assert int(grown) < (limits.EXPORT_UNPACKED + limits.MANIFEST) // MIB + 40


def test_20_000_items_can_be_read() -> None:
    assert len(read_export(io.BytesIO(packed(_many_items(1)))).items) == limits.ITEMS


def _main(bomb: Path) -> None:
    """Print how the bomb was refused, and by how many MiB this process grew."""
    before = _highest_kib()
    with bomb.open("rb") as file:
        try:
            read_export(file)
        except Refused as refused:
            sys.stdout.write(f"{refused.code} {(_highest_kib() - before) // 1024}\n")


def _highest_kib() -> int:
    """The most memory that this program had; getrusage would give that of its parent, too."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
