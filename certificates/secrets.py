"""Secrets at rest: sealed under a data key of their own, which a master key wraps.

A sealed value is bound to its place (table, row and column): copied elsewhere, or with one bit
changed, it doesn't open. Layout, big-endian: format (1 byte, 1 = AES-256-GCM twice), id of the
master key (4), nonce (12) and wrapped data key (48), nonce (12) and ciphertext with tag.
"""

import base64
import os
import re
import struct
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db.models import Model

from certificates.sentence import say

FORMAT = b"\x01"
KEY_BYTES, NONCE_BYTES, TAG_BYTES = 32, 12, 16
_HEADER = len(FORMAT) + 4
_WRAPPED = NONCE_BYTES + KEY_BYTES + TAG_BYTES


class SealError(Exception):
    """A sealed value can't be opened. The text holds no secret."""


class MasterKeyError(SealError):
    """There is no usable master key; the text says what to do."""


@dataclass(frozen=True)
class KeyRing:
    """Master keys by their number. New values are sealed with the one of the highest number."""

    keys: dict[int, bytes]

    @property
    def current(self) -> int:
        return max(self.keys)

    def __repr__(self) -> str:
        return f"KeyRing({sorted(self.keys)})"

    def to_text(self) -> str:
        """`number:base64`, one a line: the content of the master key file."""
        lines = (f"{n}:{base64.b64encode(key).decode()}" for n, key in sorted(self.keys.items()))
        return "\n".join(lines) + "\n"

    def with_new_key(self) -> "KeyRing":
        return KeyRing({**self.keys, max(self.keys, default=0) + 1: os.urandom(KEY_BYTES)})

    def without(self, number: int) -> "KeyRing":
        return KeyRing({n: key for n, key in self.keys.items() if n != number})


def parse_key_ring(text: str, source: str) -> KeyRing:
    """Read `number:base64` entries, separated by line breaks, spaces or commas.

    Raises:
        MasterKeyError: no key in it, or one that is not 32 bytes in base64.
    """
    keys: dict[int, bytes] = {}
    for entry in text.replace(",", " ").split():
        number, _, encoded = entry.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except ValueError:
            key = b""
        if not re.fullmatch("[0-9]{1,9}", number) or len(key) != KEY_BYTES:
            raise MasterKeyError(
                say(
                    "Entry {number} of {source} is not 'number:base64 of 32 bytes'. "
                    "Put the backup back.",
                    number=len(keys) + 1,
                    source=source,
                )
            )
        keys[int(number)] = key
    if not keys:
        raise MasterKeyError(
            say("There is no master key in {source}. Put its backup back.", source=source)
        )
    return KeyRing(keys)


def key_ring() -> KeyRing:
    """The master keys in force. A file is read again when it was replaced (rotation)."""
    if settings.CCXSEC_MASTER_KEYS:
        return parse_key_ring(settings.CCXSEC_MASTER_KEYS, "CCXSEC_MASTER_KEYS")
    path = Path(settings.CCXSEC_MASTER_KEY_FILE)
    try:
        state = path.stat()
    except OSError as error:
        raise MasterKeyError(
            say(
                "The master key file {path} can't be read ({strerror}). Without it "
                "no key in the database opens: put its backup back, or name it in "
                "CCXSEC_MASTER_KEY_FILE.",
                path=path,
                strerror=error.strerror,
            )
        ) from None
    return _read_ring(path, state.st_mtime_ns, state.st_ino)


@lru_cache(maxsize=2)
def _read_ring(path: Path, _changed: int, _inode: int) -> KeyRing:
    return parse_key_ring(path.read_text(), str(path))


def place(row: Model, column: str) -> bytes:
    """What binds a sealed value to where it stands; `row` has its primary key already."""
    return f"ccxsec|{row._meta.db_table}|{row.pk}|{column}".encode()


def seal(plain: bytes, where: bytes) -> bytes:
    """Seal `plain` for the place `where` under the newest master key."""
    ring, data_key, nonce = key_ring(), os.urandom(KEY_BYTES), os.urandom(NONCE_BYTES)
    return _wrap(ring, data_key, where) + nonce + AESGCM(data_key).encrypt(nonce, plain, where)


def unseal(sealed: bytes, where: bytes, ring: KeyRing | None = None) -> bytes:
    """The plain value. Raises `SealError` when it was changed, moved, or its key is gone.

    Args:
        ring: master keys of another installation; None takes those in force here.
    """
    sealed = bytes(sealed)
    data_key = _unwrap(ring or key_ring(), sealed, where)
    body = sealed[_HEADER + _WRAPPED :]
    try:
        return AESGCM(data_key).decrypt(body[:NONCE_BYTES], body[NONCE_BYTES:], where)
    except (InvalidTag, ValueError):
        raise SealError(
            say("The sealed value at {where} was changed.", where=where.decode())
        ) from None


def rewrap(sealed: bytes, where: bytes) -> bytes:
    """The same value with its data key wrapped by the current master key."""
    sealed, ring = bytes(sealed), key_ring()
    return _wrap(ring, _unwrap(ring, sealed, where), where) + sealed[_HEADER + _WRAPPED :]


def master_key_of(sealed: bytes) -> int:
    """Number of the master key that a sealed value needs."""
    sealed = bytes(sealed)
    if sealed[:1] != FORMAT or len(sealed) < _HEADER + _WRAPPED + NONCE_BYTES + TAG_BYTES:
        raise SealError(say("A sealed value has an unknown format."))
    number: int = struct.unpack(">I", sealed[1:_HEADER])[0]
    return number


def _wrap(ring: KeyRing, data_key: bytes, where: bytes) -> bytes:
    header, nonce = FORMAT + struct.pack(">I", ring.current), os.urandom(NONCE_BYTES)
    wrapped = AESGCM(ring.keys[ring.current]).encrypt(nonce, data_key, header + where)
    return header + nonce + wrapped


def _unwrap(ring: KeyRing, sealed: bytes, where: bytes) -> bytes:
    number = master_key_of(sealed)
    if number not in ring.keys:
        raise SealError(
            say("Master key {number} is needed and not there. Put its backup back.", number=number)
        )
    nonce, wrapped = sealed[_HEADER:][:NONCE_BYTES], sealed[_HEADER + NONCE_BYTES :]
    try:
        return AESGCM(ring.keys[number]).decrypt(
            nonce, wrapped[: KEY_BYTES + TAG_BYTES], sealed[:_HEADER] + where
        )
    except InvalidTag:
        raise SealError(
            say(
                "The sealed value at {where} was changed or moved, or master key "
                "{number} is not the one that it was sealed with.",
                where=where.decode(),
                number=number,
            )
        ) from None
