"""What a pass phrase opens in a PKCS#12: key derivation, the code over the file, decryption.

Of RFC 7292 (appendix B and C), RFC 8018 (PBES2) and RFC 9579 (PBMAC1) as much as key stores use.
Rounds are counted before they are run: the file says how many, and its writer may mean harm.
"""

import hashlib
import hmac
from collections.abc import Callable
from typing import TypeVar

from cryptography.hazmat.decrepit.ciphers.algorithms import RC2, TripleDES
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import AES

from bulk.exchange import rc2
from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509 import der
from certificates.x509.der import DerError, Element, dotted

MOST_ROUNDS = 4_000_000  # some seconds; what is written today has 2,048 to 600,000
LONGEST_PASSPHRASE = 1024  # characters
_LONGEST_SALT = 1024  # octets
_RC2_BLOCK_ROUNDS = 60  # one block costs as much as so many rounds
_KEY, _IV, _MAC = 1, 2, 3  # RFC 7292, B.3: what a derived octet string is for
_PBES2, _PBMAC1, _PBKDF2 = "1.2.840.113549.1.5.13", "1.2.840.113549.1.5.14", "1.2.840.113549.1.5.12"
_HASHES = {
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.4": "sha224",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
_HMACS = {
    "1.2.840.113549.2.7": "sha1",
    "1.2.840.113549.2.8": "sha224",
    "1.2.840.113549.2.9": "sha256",
    "1.2.840.113549.2.10": "sha384",
    "1.2.840.113549.2.11": "sha512",
}
_T = TypeVar("_T")
_Decrypt = Callable[[bytes, bytes, bytes], bytes]


def _by_library(algorithm: Callable[[bytes], BlockCipherAlgorithm]) -> _Decrypt:
    def decrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
        decryptor = Cipher(algorithm(key), modes.CBC(iv)).decryptor()
        return decryptor.update(data) + decryptor.finalize()

    return decrypt


def _rc2_40(key: bytes, iv: bytes, data: bytes) -> bytes:
    return rc2.decrypt_cbc(key, iv, data, effective_bits=40)


# Each with the length of its key in octets.
_TRIPLE_DES = _by_library(TripleDES)
_PKCS12_CIPHERS: dict[str, tuple[int, _Decrypt]] = {
    "1.2.840.113549.1.12.1.3": (24, _TRIPLE_DES),
    "1.2.840.113549.1.12.1.4": (16, lambda key, iv, data: _TRIPLE_DES(key + key[:8], iv, data)),
    "1.2.840.113549.1.12.1.5": (16, _by_library(RC2)),
    "1.2.840.113549.1.12.1.6": (5, _rc2_40),
}
_PBES2_CIPHERS: dict[str, tuple[int, _Decrypt]] = {
    "1.2.840.113549.3.7": (24, _TRIPLE_DES),
    "2.16.840.1.101.3.4.1.2": (16, _by_library(AES)),
    "2.16.840.1.101.3.4.1.22": (24, _by_library(AES)),
    "2.16.840.1.101.3.4.1.42": (32, _by_library(AES)),
}


class Opener:
    """A pass phrase, and how much work it may still cost.

    Methods raise `Refused` pkcs12.work, pkcs12.form, and `DerError`.
    """

    def __init__(self, passphrase: str) -> None:
        self._octets = passphrase.encode("utf-8", "surrogatepass")
        self._text = passphrase.encode("utf-16-be", "surrogatepass") + b"\0\0"
        self._rounds = 0

    def is_right(self, mac: Element, content: bytes) -> bool:
        """Whether the code over the content (MacData) was made with this pass phrase."""
        info, salt, *rounds = mac.children()
        algorithm, digest = info.children()
        name, *parameters = algorithm.children()
        if dotted(name) == _PBMAC1:
            derivation, scheme = parameters[0].children()
            function, key = _known(_HMACS, _first(scheme)), self._pbkdf2(derivation, None)
            return _fits(key, content, function, digest)
        function, count = _known(_HASHES, name), _number(rounds[0]) if rounds else 1
        size = hashlib.new(function, usedforsecurity=False).digest_size
        # A pass phrase of no characters is written in two ways.
        for text in [self._text] if self._octets else [self._text, b""]:
            key = self._pkcs12(
                text, _salt(salt), use=_MAC, function=function, count=count, size=size
            )
            if _fits(key, content, function, digest):
                self._text = text
                return True
        return False

    def decrypted(self, algorithm: Element, data: bytes) -> bytes:
        """Raises ValueError too, where the pass phrase or the data is wrong."""
        name, *parameters = algorithm.children()
        if dotted(name) == _PBES2:
            plain = self._decrypted_pbes2(parameters[0], data)
        else:
            plain = self._decrypted_pkcs12(name, parameters[0], data)
        padding = plain[-1] if plain else 0
        if (
            not 1 <= padding <= AES.block_size // 8
            or plain[-padding:] != bytes([padding]) * padding
        ):
            raise ValueError("the padding is wrong")
        return plain[:-padding]

    def _decrypted_pkcs12(self, name: Element, parameters: Element, data: bytes) -> bytes:
        size, decrypt = _known(_PKCS12_CIPHERS, name)
        if decrypt is _rc2_40:
            self._count(len(data) // rc2.BLOCK * _RC2_BLOCK_ROUNDS)
        salt, rounds = parameters.children()
        key, iv = (
            self._pkcs12(
                self._text,
                _salt(salt),
                use=use,
                function="sha1",
                count=_number(rounds),
                size=length,
            )
            for use, length in ((_KEY, size), (_IV, rc2.BLOCK))
        )
        return decrypt(key, iv, data)

    def _decrypted_pbes2(self, parameters: Element, data: bytes) -> bytes:
        derivation, scheme = parameters.children()
        name, iv = scheme.children()
        size, decrypt = _known(_PBES2_CIPHERS, name)
        key = self._pbkdf2(derivation, size)
        return decrypt(key, iv.expect(der.OCTET_STRING).content, data)

    def _pbkdf2(self, derivation: Element, size: int | None) -> bytes:
        """RFC 8018, A.2. `size` is that of the key in octets, None where the file must say it."""
        name, parameters = derivation.children()
        if dotted(name) != _PBKDF2:
            raise _unknown(name)
        salt, rounds, *more = parameters.children()
        lengths = [_number(part) for part in more if part.tag == der.INTEGER]
        functions = [part for part in more if part.tag == der.SEQUENCE]
        function = _known(_HMACS, _first(functions[0])) if functions else "sha1"
        size = size or (lengths[0] if lengths else 0)
        if not 1 <= size <= hashlib.sha512().digest_size:
            raise DerError(derivation.start, "a key of no usual length")
        blocks = -(-size // hashlib.new(function, usedforsecurity=False).digest_size)
        count = _number(rounds)
        self._count(count * blocks)
        return hashlib.pbkdf2_hmac(function, self._octets, _salt(salt), count, size)

    def _pkcs12(
        self, text: bytes, salt: bytes, *, use: int, function: str, count: int, size: int
    ) -> bytes:
        """RFC 7292, B.2. `text`: the pass phrase in UTF-16 with its end; `size` in octets."""
        probe = hashlib.new(function, usedforsecurity=False)
        block = probe.block_size
        self._count(count * -(-size // probe.digest_size))
        mixed = _filled(salt, block) + _filled(text, block)
        found = b""
        while True:
            digest = bytes([use]) * block + mixed
            for _ in range(count):
                digest = hashlib.new(function, digest, usedforsecurity=False).digest()
            found += digest
            if len(found) >= size:
                return found[:size]
            more = int.from_bytes((digest * block)[:block], "big") + 1
            pieces = (mixed[at : at + block] for at in range(0, len(mixed), block))
            mixed = b"".join(_sum(piece, more) for piece in pieces)

    def _count(self, rounds: int) -> None:
        self._rounds += rounds
        if self._rounds > MOST_ROUNDS:
            wrong = say(
                "To open the PKCS#12 takes more than {most} rounds of derivation.",
                most=f"{MOST_ROUNDS:,}",
            )
            cure = say(
                "Write it anew: openssl pkcs12 -in FILE -nokeys | openssl pkcs12 -export -nokeys"
            )
            raise Refused("pkcs12.work", wrong, cure)


def _sum(piece: bytes, more: int) -> bytes:
    size = len(piece)
    return (int.from_bytes(piece, "big") + more & (1 << 8 * size) - 1).to_bytes(size, "big")


def _filled(data: bytes, block: int) -> bytes:
    """Repeated up to whole blocks; nothing stays nothing."""
    size = -(-len(data) // block) * block
    return (data * (size // len(data) + 1))[:size] if data else b""


def _fits(key: bytes, content: bytes, function: str, digest: Element) -> bool:
    wanted = digest.expect(der.OCTET_STRING).content
    return hmac.compare_digest(hmac.digest(key, content, function), wanted)


def _first(algorithm: Element) -> Element:
    """The name of an algorithm."""
    name, *_ = algorithm.children()
    return name


def _salt(element: Element) -> bytes:
    salt = element.expect(der.OCTET_STRING).content
    if len(salt) > _LONGEST_SALT:
        raise DerError(element.start, "a salt too long")
    return salt


def _number(element: Element) -> int:
    number = int.from_bytes(element.expect(der.INTEGER).content, "big", signed=True)
    if number < 1:
        raise DerError(element.start, "a number below 1")
    return number


def _known(table: dict[str, _T], name: Element) -> _T:
    found = table.get(dotted(name))
    if found is None:
        raise _unknown(name)
    return found


def _unknown(name: Element) -> Refused:
    wrong = say(
        "The PKCS#12 is protected in a way that is not read here ({name}).", name=dotted(name)
    )
    cure = say("Write it anew: openssl pkcs12 -in FILE -nokeys | openssl pkcs12 -export -nokeys")
    return Refused("pkcs12.form", wrong, cure)
