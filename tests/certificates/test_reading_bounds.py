"""No input takes long or much memory (CM-13)."""

import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from math import gcd, prod

import pytest

from certificates.x509.der import encode
from certificates.x509.reading import Refused, read_upload
from tests.certificates.crafting import (
    DNS,
    craft,
    extension,
    nested,
    odd,
    oid,
    pem,
    pkcs7,
    rsa_info,
    san,
)
from tests.certificates.crafting import name as raw_name
from tests.effort import takes_at_most

pytestmark = pytest.mark.spec("CM-13")
MEMORY = 64 * 1024 * 1024


def chain_of_large_keys() -> bytes:
    """200 self-signed certificates with right signatures, by a key that is costly to verify."""
    key = _LargeKey()
    made = (
        craft(
            serial=encode(2, (1000 + number).to_bytes(2, "big")),
            algorithm=encode(0x30, oid("1.2.840.113549.1.1.11") + b"\5\0"),
            issuer=raw_name("Large"),
            subject=raw_name("Large"),
            public_key=rsa_info(key.modulus, key.exponent),
            sign=key.sign,
        )
        for number in range(200)
    )
    return pkcs7(list(made))


class _LargeKey:
    """8,192 bits made of 32 primes, which are quick to find and to sign with."""

    exponent = (1 << 64) - 59

    def __init__(self) -> None:
        self.primes = [_prime(256) for _ in range(32)]
        self.modulus = prod(self.primes)

    def sign(self, signed: bytes) -> bytes:
        """PKCS #1 1.5 with SHA-256 (RFC 8017, 9.2), put together from one power a prime."""
        digest = bytes.fromhex("3031300d060960864801650304020105000420") + sha256(signed).digest()
        size = (self.modulus.bit_length() + 7) // 8
        padded = b"\0\1" + b"\xff" * (size - 3 - len(digest)) + b"\0" + digest
        message, total = int.from_bytes(padded, "big"), 0
        for prime in self.primes:
            others = self.modulus // prime
            power = pow(message, pow(self.exponent, -1, prime - 1), prime)
            total += power * others * pow(others, -1, prime)
        return (total % self.modulus).to_bytes(size, "big")


def _prime(bits: int) -> int:
    while True:
        number = odd(bits) | 3 << bits - 2
        if pow(2, number - 1, number) == 1 and gcd(number - 1, _LargeKey.exponent) == 1:
            return number


def _names(count: int) -> bytes:
    return san(*((DNS, f"host{number}.example.com") for number in range(count)))


HOSTILE: dict[str, Callable[[], bytes]] = {
    "4 MiB of tiny elements": lambda: encode(0x30, b"\5\0" * 2_097_000),
    "4 MiB of tiny elements in a chain": lambda: pkcs7([b"\5\0" * 2_000_000]),
    "1 MiB of tiny elements": lambda: encode(0x30, b"\5\0" * 524_000),
    "1 MiB of times": lambda: encode(0x30, encode(0x17, b"260101000000Z") * 69_000),
    "1 MiB of nesting": lambda: nested(200_000),
    "1 MiB in an unknown extension": lambda: craft(extension("1.2.3", nested(10_000))),
    "12,000 PEM blocks": lambda: pem(b"\x30\x03\2\1\5") * 12_000,
    "61,000 boundaries": lambda: b"-----BEGIN A-----" * 61_000,
    "32,000 empty blocks": lambda: b"-----BEGIN A----------END A-----" * 32_000,
    "90,000 beginnings": lambda: b"-----BEGIN " * 90_000,
    "a label of 1 MB": lambda: b"-----BEGIN " + b"A " * 500_000,
    "beginnings of keys": lambda: b"--BEGIN " * 120_000,
    "1,000,000 dash lines": lambda: b"-\n" * 500_000,
    "1,000,000 blank lines": lambda: b"\n" * 1_000_000,
    "blanks in pieces": lambda: (b" " * 9_999 + b"x") * 100,
    "base64 in pieces": lambda: (b"A" * 15 + b" ") * 60_000,
    "1 MiB of base64": lambda: b"A" * (1 << 20),
    "1 MiB of zeros": lambda: bytes(1 << 20),
    "1 MiB of the digit 0": lambda: b"0" * (1 << 20),
    "1 MiB of UTF-8": lambda: "ë".encode() * 500_000,
    "a modulus of 4,000,000 bits": lambda: craft(public_key=rsa_info(odd(4_000_000))),
    "an exponent of 4,000,000 bits": lambda: craft(public_key=rsa_info(odd(2048), odd(4_000_000))),
    "a serial number of 1 MB": lambda: craft(serial=encode(2, b"\1" + bytes(1_000_000))),
    "an object identifier of 1 MB": lambda: craft(extension("1.2.3", b""), subject=_long_oid()),
    "a name of 1 MB": lambda: craft(subject=raw_name("a" * 1_000_000)),
    "9,000 attributes": lambda: craft(subject=raw_name(*["a"] * 9_000)),
    "4,000 names": lambda: craft(_names(4000)),
    "200 certificates with 250 names": lambda: pkcs7([_numbered(n, 250) for n in range(200)]),
    "200 certificates with 190 names": lambda: pkcs7([_numbered(n, 190) for n in range(200)]),
    "200 large keys": chain_of_large_keys,
    "a Diffie-Hellman key": lambda: craft(public_key=_diffie_hellman()),
}


def _long_oid() -> bytes:
    attribute = encode(6, b"\x81" * 1_000_000 + b"\1") + encode(12, b"a")
    return encode(0x30, encode(0x31, encode(0x30, attribute)))


def _numbered(number: int, names: int) -> bytes:
    return craft(_names(names), serial=encode(2, (1000 + number).to_bytes(2, "big")))


def _diffie_hellman() -> bytes:
    domain = b"".join(encode(2, b"\0" + odd(8192).to_bytes(1024, "big")) for _ in range(3))
    algorithm = encode(0x30, oid("1.2.840.10046.2.1") + encode(0x30, domain))
    return encode(0x30, algorithm + encode(3, b"\0\2\1\5"))


@pytest.mark.parametrize("case", HOSTILE)
def test_no_input_takes_long(case: str) -> None:
    data = HOSTILE[case]()

    assert takes_at_most(1.0, lambda: _read(data))


@pytest.mark.parametrize("case", HOSTILE)
def test_no_input_takes_much_memory(case: str) -> None:
    data = HOSTILE[case]()

    tracemalloc.start()
    try:
        _read(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < MEMORY


def _read(data: bytes) -> None:
    with suppress(Refused):
        read_upload(data)
