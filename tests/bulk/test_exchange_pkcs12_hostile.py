"""A PKCS#12 that is broken, or was made to do harm, is refused before it costs anything."""

from collections.abc import Callable
from random import Random

import pytest

from bulk.exchange import pkcs12_passwords
from bulk.exchange.pkcs12 import certificates_of_pkcs12
from bulk.exchange.pkcs12_passwords import MOST_ROUNDS
from certificates.refusal import Refused
from certificates.x509.der import only_element
from tests.bulk.key_stores import (
    PASSPHRASE,
    KeyStores,
    bag,
    certificate_bag,
    encrypted_safe,
    mac_data,
    number,
    octets,
    oid,
    pfx,
    plain_safe,
    sequence,
)
from tests.fuzz.mutations import mutate_blindly

pytestmark = pytest.mark.spec("BK-4")
PKCS12_PBE, PBES2, PBKDF2 = "2a864886f70d010c01", "2a864886f70d01050d", "2a864886f70d01050c"
AES_256, SHA256 = "60864801650304012a", "2a864886f70d0209"
ABSURD = 2**31 - 1


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> KeyStores:
    return KeyStores(tmp_path_factory.mktemp("stores"))


def refusal_of(data: bytes, passphrase: str = PASSPHRASE) -> Refused:
    with pytest.raises(Refused) as refusal:
        certificates_of_pkcs12(data, passphrase)
    assert refusal.value.cure
    assert passphrase not in str(refusal.value)
    assert refusal.value.__cause__ is None
    return refusal.value


@pytest.mark.parametrize(
    "options", [[], ["-legacy"], ["-nomac", "-certpbe", "AES-256-CBC"]], ids=" ".join
)
@pytest.mark.parametrize("passphrase", ["", "wrong", PASSPHRASE + " ", "\ud800"], ids=ascii)
def test_a_wrong_pass_phrase(stores: KeyStores, options: list[str], passphrase: str) -> None:
    data = stores.export(*options)

    with pytest.raises(Refused) as refusal:
        certificates_of_pkcs12(data, passphrase)

    assert refusal.value.code == "pkcs12.passphrase"


def test_a_pass_phrase_without_end() -> None:
    assert refusal_of(pfx(), "x" * 1025).code == "pkcs12.passphrase"


def _pkcs12_pbe(kind: str, rounds: int) -> bytes:
    return sequence(oid(PKCS12_PBE + kind), sequence(octets(bytes(8)), number(rounds)))


def _pbes2(rounds: int, salt: bytes = bytes(8)) -> bytes:
    derivation = sequence(
        oid(PBKDF2), sequence(octets(salt), number(rounds), sequence(oid(SHA256), b"\x05\0"))
    )
    return sequence(oid(PBES2), sequence(derivation, sequence(oid(AES_256), octets(bytes(16)))))


WORK: list[tuple[str, Callable[[], bytes]]] = [
    ("the code over the file", lambda: pfx(mac=mac_data(ABSURD))),
    ("3DES", lambda: pfx(encrypted_safe(_pkcs12_pbe("03", ABSURD), bytes(16)))),
    ("PBKDF2", lambda: pfx(encrypted_safe(_pbes2(ABSURD), bytes(16)))),
    ("a number of 1,000 octets", lambda: pfx(encrypted_safe(_pbes2(2**8000), bytes(16)))),
    ("one more than is run", lambda: pfx(mac=mac_data(MOST_ROUNDS + 1))),
    ("much RC2", lambda: pfx(encrypted_safe(_pkcs12_pbe("06", 1), bytes(1_040_000)))),
]


@pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in WORK])
def test_work_without_end_is_not_begun(make: Callable[[], bytes]) -> None:
    assert refusal_of(make()).code == "pkcs12.work"


def test_the_rounds_of_all_parts_count_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pkcs12_passwords, "MOST_ROUNDS", 1000)
    opener, code = pkcs12_passwords.Opener("x"), only_element(mac_data(600))

    assert not opener.is_right(code, b"")
    with pytest.raises(Refused) as refusal:
        opener.is_right(code, b"")

    assert refusal.value.code == "pkcs12.work"


def test_a_key_is_not_even_decrypted(stores: KeyStores) -> None:
    """Whatever its bag asks for, and whatever is in it."""
    absurd = sequence(_pkcs12_pbe("03", ABSURD), octets(b"no key"))
    own = stores.der("own")
    data = pfx(
        plain_safe(bag("shrouded", absurd), bag("key", b"\x30\x00"), bag("crl", b"\x30\x00")),
        plain_safe(certificate_bag(own), bag("nested", sequence(certificate_bag(own)))),
    )

    assert certificates_of_pkcs12(data, "") == [own]


def test_a_key_in_the_place_of_a_certificate_stays_there(stores: KeyStores) -> None:
    key = stores.run("pkcs8", "-topk8", "-nocrypt", "-in", "own.key", "-outform", "der")

    assert refusal_of(pfx(plain_safe(certificate_bag(key)))).code == "pkcs12.form"


def _nested(depth: int) -> bytes:
    inner = sequence()
    for _ in range(depth):
        inner = sequence(bag("nested", inner))
    return pfx(sequence(oid("2a864886f70d010701"), b"\xa0\x80" + octets(inner) + b"\0\0"))


FORMS: list[tuple[str, bytes, str]] = [
    ("nothing", b"", "pkcs12.form"),
    ("text", b"-----BEGIN PKCS12-----", "pkcs12.form"),
    ("a sequence of nothing", sequence(), "pkcs12.form"),
    ("no safes", pfx(), "pkcs12.empty"),
    ("an empty safe", pfx(plain_safe()), "pkcs12.empty"),
    ("something behind", pfx(plain_safe()) + b"\0", "pkcs12.form"),
    ("one byte too large", bytes(1024 * 1024 + 1), "pkcs12.size"),
    ("deep nesting", _nested(200), "pkcs12.form"),
    ("sequences in sequences", b"\x30\x80" * 500_000, "pkcs12.form"),
    ("many elements", sequence(b"\x05\0" * 500_000), "pkcs12.form"),
    (
        "signed",
        sequence(number(3), sequence(oid("2a864886f70d010702"), b"\xa0\x02\x30\0")),
        "pkcs12.form",
    ),
    ("an unknown cipher", pfx(encrypted_safe(_pkcs12_pbe("01", 1), bytes(8))), "pkcs12.form"),
    ("no rounds", pfx(encrypted_safe(_pbes2(0), bytes(16)), mac=b""), "pkcs12.passphrase"),
    (
        "a salt too long",
        pfx(encrypted_safe(_pbes2(1, bytes(2000)), bytes(16))),
        "pkcs12.passphrase",
    ),
]


@pytest.mark.parametrize(("data", "code"), [pytest.param(*rest, id=name) for name, *rest in FORMS])
def test_a_file_of_another_form(data: bytes, code: str) -> None:
    assert refusal_of(data).code == code


def test_a_file_without_certificates(stores: KeyStores) -> None:
    data = stores.run(
        "pkcs12", "-export", "-nocerts", "-inkey", "own.key", "-passout", f"pass:{PASSPHRASE}"
    )

    assert refusal_of(data).code == "pkcs12.empty"


@pytest.mark.parametrize("options", [[], ["-nomac", "-certpbe", "NONE"]], ids=["sealed", "open"])
def test_damaged_files_are_refused_or_read_and_nothing_else_happens(
    stores: KeyStores, options: list[str]
) -> None:
    data, random, codes = stores.export("-noiter", "-nomaciter", *options), Random(5), set()

    for place in range(1500):
        spoilt = data[:place] if place < len(data) else mutate_blindly(random, data, data)
        try:
            found = certificates_of_pkcs12(spoilt, PASSPHRASE)
        except Refused as refused:
            codes.add(refused.code)
        else:
            assert all(certificate.startswith(b"0") for certificate in found)

    assert "pkcs12.form" in codes
    assert codes <= {"pkcs12.form", "pkcs12.passphrase", "pkcs12.empty", "pkcs12.work"}
