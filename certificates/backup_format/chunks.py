"""The encrypted body: chunks of AES-256-GCM that can't be cut, exchanged or added to.

A chunk's nonce is its number (11 bytes, big-endian) and a byte that is 1 for the last one; its
associated data is the digest of the header. Each chunk but the last carries 64 KiB. One key
encrypts one file, so no nonce comes twice.
"""

from collections.abc import Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from certificates.backup_format.header import Writable
from certificates.refusal import Refused

CHUNK_BYTES, TAG_BYTES = 64 * 1024, 16


class ChunkWriter:
    """Encrypts what is written to it. Without `finish` the file is none that can be read."""

    def __init__(self, stream: Writable, key: bytes, digest: bytes) -> None:
        self._stream, self._cipher, self._digest = stream, AESGCM(key), digest
        self._waiting, self._number = bytearray(), 0

    def write(self, data: bytes) -> None:
        self._waiting += data
        while len(self._waiting) > CHUNK_BYTES:  # the last one may be full, but it is never empty
            self._put(bytes(self._waiting[:CHUNK_BYTES]), is_last=False)
            del self._waiting[:CHUNK_BYTES]

    def finish(self) -> None:
        self._put(bytes(self._waiting), is_last=True)
        self._waiting.clear()

    def _put(self, plain: bytes, *, is_last: bool) -> None:
        nonce = _nonce(self._number, is_last=is_last)
        self._stream.write(self._cipher.encrypt(nonce, plain, self._digest))
        self._number += 1


def read_chunks(stream: BinaryIO, key: bytes, digest: bytes) -> Iterator[bytes]:
    """The plain chunks, each authenticated before it is handed out.

    That nothing is missing is known only at the end: who acts on what was read waits for it.

    Raises:
        Refused: backup.cut, backup.longer, backup.changed.
    """
    cipher, number = AESGCM(key), 0
    sealed = _read_full(stream)
    while True:
        following = _read_full(stream)
        is_last = not following
        try:
            yield cipher.decrypt(_nonce(number, is_last=is_last), sealed, digest)
        except InvalidTag:
            _refuse(cipher, number, sealed, digest, is_last=is_last)
        if is_last:
            return
        sealed, number = following, number + 1


def _refuse(cipher: AESGCM, number: int, sealed: bytes, digest: bytes, *, is_last: bool) -> None:
    """Say what was done to the file: is the chunk right, only not at this place?"""
    try:
        cipher.decrypt(_nonce(number, is_last=not is_last), sealed, digest)
    except InvalidTag:
        wrong = f"The backup was changed or damaged, in its part {number + 1}."
        raise Refused(
            "backup.changed", wrong, "Take another copy of the file, or another backup."
        ) from None
    if is_last:
        wrong = f"The backup was cut off: it ends after part {number + 1}, and more must follow."
        raise Refused("backup.cut", wrong, "Copy the file again, or take another backup.")
    wrong = f"Something was added to the backup, behind its part {number + 1}, which is its end."
    raise Refused("backup.longer", wrong, "Copy the file again, or take another backup.")


def _read_full(stream: BinaryIO) -> bytes:
    """A pipe may hand out less at once than a chunk has."""
    parts, missing = [], CHUNK_BYTES + TAG_BYTES
    while missing:
        part = stream.read(missing)
        if not part:
            break
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])
