"""Who can open a backup: a passphrase, or the holder of a private key (X25519, RFC 7748).

The backup's own key is random; each lock wraps it by itself, so that a file may have several.
"""

import base64
import binascii
import hashlib
import secrets
import unicodedata
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from certificates.refusal import Refused

KEY_BYTES = 32
SCRYPT, X25519 = "scrypt", "x25519"
PUBLIC_PREFIX, PRIVATE_PREFIX = "ccxsec-pub-", "CCXSEC-KEY-"
SHORTEST = 12  # characters of a passphrase
_WRAPPED_BYTES = KEY_BYTES + 16  # with the tag of AES-GCM
_CHECK_BYTES = 4  # of SHA-256, so that a mistyped key is seen
_ONCE = bytes(12)  # the nonce: each wrapping key wraps one key in its life


@dataclass(frozen=True, slots=True)
class ScryptCost:
    """Parameters of RFC 7914: memory is 128 * n * r bytes, time grows with p."""

    n: int = 2**17  # 128 MiB, about half a second
    r: int = 8
    p: int = 1

    def is_bearable(self) -> bool:
        """A file that asks for more than this is not served: at most 256 MiB and some seconds."""
        is_power = self.n & (self.n - 1) == 0
        return is_power and 2**14 <= self.n <= 2**18 and self.r == 8 and 1 <= self.p <= 4  # noqa: PLR2004


@dataclass(frozen=True, slots=True)
class Passphrase:
    text: str = field(repr=False)
    cost: ScryptCost = ScryptCost()

    def key(self, salt: bytes, cost: ScryptCost) -> bytes:
        """The same letters give the same key, however a keyboard composes them (NFC)."""
        plain = unicodedata.normalize("NFC", self.text).encode()
        return Scrypt(salt=salt, length=KEY_BYTES, n=cost.n, r=cost.r, p=cost.p).derive(plain)


@dataclass(frozen=True, slots=True)
class Recipient:
    """A public key; its private part is kept away from the server."""

    public: bytes

    def __str__(self) -> str:
        return PUBLIC_PREFIX + _as_text(self.public).lower()


@dataclass(frozen=True, slots=True)
class Identity:
    """The private part."""

    private: bytes = field(repr=False)

    @property
    def recipient(self) -> Recipient:
        key = X25519PrivateKey.from_private_bytes(self.private)
        return Recipient(key.public_key().public_bytes_raw())

    def to_text(self) -> str:
        return PRIVATE_PREFIX + _as_text(self.private)


Lock: TypeAlias = Passphrase | Recipient
Opener: TypeAlias = Passphrase | Identity


def new_identity() -> Identity:
    """A new pair of keys."""
    return Identity(X25519PrivateKey.generate().private_bytes_raw())


def read_recipient(text: str) -> Recipient:
    """The public key that `backup keygen` has printed. Raises `Refused` backup.recipient."""
    public = _from_text(text.strip(), PUBLIC_PREFIX)
    if public is None:
        wrong = "That is no public key of a recipient, or it was mistyped."
        cure = f"It begins with {PUBLIC_PREFIX}; ./ccxsec backup keygen prints it."
        raise Refused("backup.recipient", wrong, cure)
    return Recipient(public)


def read_identity(text: str) -> Identity:
    """The content of an identity file: one private key, and comments that begin with `#`.

    Raises:
        Refused: backup.identity.
    """
    lines = [line.strip() for line in text.splitlines()]
    keys = [line for line in lines if line and not line.startswith("#")]
    private = _from_text(keys[0], PRIVATE_PREFIX) if len(keys) == 1 else None
    if private is None:
        wrong = "The identity file does not hold one private key, or it was changed."
        cure = f"It is the file that ./ccxsec backup keygen wrote; the key begins {PRIVATE_PREFIX}."
        raise Refused("backup.identity", wrong, cure)
    return Identity(private)


def checked_passphrase(text: str) -> Passphrase:
    """A new passphrase. Raises `Refused` backup.passphrase-short."""
    if len(text) < SHORTEST or "\0" in text:
        wrong = f"The passphrase has fewer than {SHORTEST} characters."
        cure = "Whoever has the file can guess without end: take several words."
        raise Refused("backup.passphrase-short", wrong, cure)
    return Passphrase(text)


def wrap(file_key: bytes, lock: Lock) -> dict[str, Any]:
    """What the header says of one lock. Raises `Refused` backup.recipient."""
    if isinstance(lock, Passphrase):
        salt = secrets.token_bytes(32)
        fields = {"n": lock.cost.n, "r": lock.cost.r, "p": lock.cost.p, "salt": _b64(salt)}
        wrapping = lock.key(salt, lock.cost)
        return {"kind": SCRYPT, **fields, "key": _b64(_wrapped(wrapping, file_key, SCRYPT))}
    ephemeral = X25519PrivateKey.generate()
    public = ephemeral.public_key().public_bytes_raw()
    try:
        shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(lock.public))
    except ValueError:  # a point of small order: everybody could open it
        wrong = "The public key of the recipient is none that can be used."
        cure = "Make another pair: ./ccxsec backup keygen."
        raise Refused("backup.recipient", wrong, cure) from None
    wrapping = _agreed(shared, public, lock.public)
    fields = {"recipient": str(lock), "ephemeral": _b64(public)}
    return {"kind": X25519, **fields, "key": _b64(_wrapped(wrapping, file_key, X25519))}


def unwrap(locks: list[dict[str, Any]], opener: Opener) -> bytes:
    """The file's key.

    Args:
        locks: as `header.read_header` has checked them.

    Raises:
        Refused: backup.lock, backup.passphrase, backup.identity.
    """
    if isinstance(opener, Passphrase):
        return _unwrap_by_passphrase(locks, opener)
    mine = [lock for lock in locks if lock.get("recipient") == str(opener.recipient)]
    if not mine:
        wrong = "This backup is not locked for the key in the identity file."
        raise Refused("backup.lock", wrong, f"It opens with {described(locks)}.")
    public = base64.b64decode(mine[0]["ephemeral"])
    try:
        private = X25519PrivateKey.from_private_bytes(opener.private)
        shared = private.exchange(X25519PublicKey.from_public_bytes(public))
        wrapping = _agreed(shared, public, opener.recipient.public)
        return AESGCM(wrapping).decrypt(_ONCE, base64.b64decode(mine[0]["key"]), _place(X25519))
    except (InvalidTag, ValueError):
        wrong = "The lock of this backup for your key was changed."
        cure = "Take another copy of the file, or another backup."
        raise Refused("backup.identity", wrong, cure) from None


def _unwrap_by_passphrase(locks: list[dict[str, Any]], opener: Passphrase) -> bytes:
    found = [lock for lock in locks if lock["kind"] == SCRYPT]
    if not found:
        wrong = "This backup is not locked with a passphrase."
        raise Refused("backup.lock", wrong, f"It opens with {described(locks)}.")
    lock = found[0]
    wrapping = opener.key(
        base64.b64decode(lock["salt"]), ScryptCost(lock["n"], lock["r"], lock["p"])
    )
    try:
        return AESGCM(wrapping).decrypt(_ONCE, base64.b64decode(lock["key"]), _place(SCRYPT))
    except InvalidTag:
        wrong = "The passphrase is wrong, or the beginning of the file was changed."
        cure = "Type it again; then try another copy of the file."
        raise Refused("backup.passphrase", wrong, cure) from None


def described(locks: list[dict[str, Any]]) -> str:
    """Such as "a passphrase or the key of ccxsec-pub-…"."""
    names = [
        "a passphrase" if lock["kind"] == SCRYPT else f"the key of {lock['recipient']}"
        for lock in locks
    ]
    return " or ".join(names)


def check_lock(lock: dict[str, Any]) -> bool:
    """Whether the form of a lock in a header is right. Nothing costly is done yet."""
    sizes = {SCRYPT: {"salt": 32}, X25519: {"ephemeral": 32}}.get(lock.get("kind", ""))
    if sizes is None:
        return False
    sizes = sizes | {"key": _WRAPPED_BYTES}
    if not all(_has_bytes(lock.get(name), size) for name, size in sizes.items()):
        return False
    if lock["kind"] == X25519:
        text = lock.get("recipient")
        return isinstance(text, str) and _from_text(text, PUBLIC_PREFIX) is not None
    return all(type(lock.get(name)) is int for name in ("n", "r", "p"))


def _has_bytes(value: object, size: int) -> bool:
    try:
        return isinstance(value, str) and len(base64.b64decode(value, validate=True)) == size
    except (binascii.Error, ValueError):
        return False


def _wrapped(wrapping: bytes, file_key: bytes, kind: str) -> bytes:
    return AESGCM(wrapping).encrypt(_ONCE, file_key, _place(kind))


def _agreed(shared: bytes, ephemeral: bytes, public: bytes) -> bytes:
    """RFC 5869, bound to both public keys."""
    salt, info = ephemeral + public, b"ccxsec backup x25519"
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=info).derive(shared)


def _place(kind: str) -> bytes:
    return f"ccxsec backup 1 {kind}".encode()


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _as_text(key: bytes) -> str:
    check = hashlib.sha256(b"ccxsec backup key" + key).digest()[:_CHECK_BYTES]
    return base64.b32encode(key + check).decode().rstrip("=")


def _from_text(text: str, prefix: str) -> bytes | None:
    if not text.lower().startswith(prefix.lower()) or not text.isascii():
        return None
    body = text[len(prefix) :].upper()
    try:
        data = base64.b32decode(body + "=" * (-len(body) % 8))
    except binascii.Error:
        return None
    key = data[:KEY_BYTES]
    return key if len(key) == KEY_BYTES and _as_text(key) == body else None
