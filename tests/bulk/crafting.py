"""Archives that nobody should write, made block by block."""

import gzip
import io
import json
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from bulk.exchange.consolidated import Included, write_consolidated
from bulk.exchange.export import read_export
from bulk.exchange.identity import key_fingerprint
from certificates.refusal import Refused
from certificates.x509.signing import Signer, sign
from tests.bulk.archives import CLUSTER, MADE_AT, OTHER, certificate, export, key, signer

BLOCK = tarfile.BLOCKSIZE
END = bytes(2 * BLOCK)
CHECKSUM = slice(148, 156)


def files(data: bytes | None = None) -> dict[str, bytes]:
    """What an archive holds, in its order; by default a good export."""
    with tarfile.open(fileobj=io.BytesIO(export() if data is None else data)) as archive:
        return {entry.name: _content(archive, entry) for entry in archive}


def consolidated() -> bytes:
    """A good file of two exports."""
    target = io.BytesIO()
    with TemporaryDirectory() as folder:
        included = []
        for place, changes in enumerate(({}, {"cluster": OTHER, "items": []})):
            path, data = Path(folder) / str(place), export(**changes)
            path.write_bytes(data)
            said = read_export(io.BytesIO(data)).manifest
            included.append(Included(said.file_name, path, said))
        write_consolidated(
            target,
            cluster=CLUSTER,
            number=42,
            made_at=MADE_AT,
            exports=included,
            signers=[signer()],
        )
    return target.getvalue()


def _content(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(entry)
    assert file is not None
    return file.read()


def manifest(**changes: Any) -> bytes:
    """That of a good export, with other values at its top; None takes a field away."""
    content = json.loads(files()["manifest.json"]) | changes
    kept = {name: value for name, value in content.items() if value is not None}
    return json.dumps(kept).encode()


def items(*changes: dict[str, Any]) -> list[dict[str, Any]]:
    """The list of items of a good export; each of the first ones with its changes."""
    found: list[dict[str, Any]] = json.loads(files()["manifest.json"])["items"]
    for item, change in zip(found, changes, strict=False):
        item.update(change)
    return found


def row(kind: str = "ec-p256", service: str = "tomcat") -> dict[str, str]:
    """What a manifest says of a key of that kind that signs."""
    return {
        "service": service,
        "file": f"signers/{service}.pem",
        "public_key_sha256": key_fingerprint(key(kind).public_key()),
        "signature": f"signers/{service}.sig",
    }


def certificate_pem(kind: str) -> bytes:
    return certificate(key(kind)).public_bytes(Encoding.PEM)


def refusal_of(data: bytes) -> Refused:
    """Why an archive is refused; it must be, in a sentence that is harmless to look at."""
    with pytest.raises(Refused) as refusal:
        read_export(io.BytesIO(data))
    assert refusal.value.sentence.isprintable()
    assert refusal.value.cure
    return refusal.value


def signed(text: bytes, by: Signer | None = None, **changes: bytes | None) -> dict[str, bytes]:
    """The files of a good export with another manifest, which is signed.

    Args:
        changes: other contents by name, "/" and "." as "_"; None takes a file away.
    """
    key = (by or signer()).private_key
    found = files() | {"manifest.json": text, "signers/tomcat.sig": sign(key, text)}
    for name in list(found):
        change = changes.get(name.replace("/", "_").replace(".", "_"), found[name])
        if change is None:
            del found[name]
        else:
            found[name] = change
    return found


def tar(contents: dict[str, bytes], *more: bytes, end: bytes = END) -> bytes:
    """A tar of plain files, then of entries made elsewhere, up to a whole record."""
    data = b"".join(entry(name, content) for name, content in contents.items()) + b"".join(more)
    return data + end + bytes(-(len(data) + len(end)) % tarfile.RECORDSIZE if end else 0)


def packed(data: bytes) -> bytes:
    return gzip.compress(data, 1, mtime=0)


def entry(name: str, content: bytes = b"", *, kind: bytes = b"0", size: int | None = None) -> bytes:
    """One entry whose header may say anything of its size and kind."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(content) if size is None else size
    info.linkname = "/etc/passwd" if kind in b"12" else ""
    header = info.tobuf(tarfile.GNU_FORMAT, "utf-8")[-BLOCK:]
    header = patched(header, 257, b"ustar\x0000")
    return header + content + bytes(-len(content) % BLOCK)


def patched(header: bytes, place: int, octets: bytes) -> bytes:
    """Other octets at a place, and the checksum that fits them."""
    changed = bytearray(header)
    changed[place : place + len(octets)] = octets
    changed[CHECKSUM] = b" " * 8
    changed[CHECKSUM] = b"%06o\0 " % sum(changed[:BLOCK])
    return bytes(changed)
