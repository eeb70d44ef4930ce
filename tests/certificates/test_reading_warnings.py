"""What is odd, weak or merely looks dangerous goes through: told, or without a word (CM-12)."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from certificates.x509.der import encode
from certificates.x509.reading import read_upload
from tests.certificates.crafting import (
    CRITICAL,
    DNS,
    EMAIL,
    IP_ADDRESS,
    MD5_RSA,
    NAME_CONSTRAINTS,
    SUBTREE,
    craft,
    craft_ca,
    curve_info,
    extension,
    key_info,
    name,
    nested,
    odd,
    rsa_info,
    san,
)

pytestmark = pytest.mark.spec("CM-12")


def compressed() -> bytes:
    point = ec.derive_private_key(5, ec.SECP256R1()).public_key()
    return curve_info(
        "1.2.840.10045.3.1.7", point.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    )


LEGACY, WARNING = True, False
TOLD = {
    "RSA 1024": ("key.weak", LEGACY, craft(public_key=rsa_info(odd(1024)))),
    "RSA 2047": ("key.weak", LEGACY, craft(public_key=rsa_info(odd(2047)))),
    "exponent 3": ("key.bad", LEGACY, craft(public_key=rsa_info(odd(2048), 3))),
    "MD5": ("signature.weak", LEGACY, craft(algorithm=MD5_RSA)),
    "serial 0": ("serial", WARNING, craft(serial=b"\2\1\0")),
    "serial -5": ("serial", WARNING, craft(serial=b"\2\1\xfb")),
    "common name of 65": ("name.long", WARNING, craft(subject=name("a" * 65))),
    "no common name": ("name.empty", WARNING, craft(subject=name("Org", attribute="2.5.4.10"))),
    "empty subject": (
        "name.empty",
        WARNING,
        craft(san((DNS, "ccx1.example.com")), subject=encode(0x30, b"")),
    ),
    "wild card": ("san.syntax", WARNING, craft(san((DNS, "*.example.com")))),
    "underscore": ("san.syntax", WARNING, craft(san((DNS, "my_host.example.com")))),
    "version 1": ("structure.version", WARNING, craft(version=b"")),
    "odd host of a CA": ("san.syntax", WARNING, craft_ca(san((DNS, "http://www.example.com")))),
}


@pytest.mark.parametrize("case", TOLD)
def test_what_is_odd_or_weak_is_told(case: str) -> None:
    code, is_legacy, der = TOLD[case]

    upload = read_upload(der)

    (finding,) = upload.warnings
    assert (finding.code, finding.outcome, finding.is_legacy) == (code, "warn", is_legacy)
    assert upload.certificates[0].warnings == upload.warnings
    assert "certificate" in finding.sentence


@pytest.mark.parametrize(
    "der",
    [
        craft(san((DNS, "localhost"), (DNS, "CCX1.Example.com"), (DNS, "xn--bcher-kva.example"))),
        craft(san((DNS, ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61])))),
        craft(san((IP_ADDRESS, bytes(4)), (IP_ADDRESS, bytes(16)))),
        craft(san(*((DNS, f"h{n}.example.com") for n in range(500)))),
        craft_ca(san((EMAIL, "ca@example.com"), (0xA4, name("Private Label 3-2048")))),
        craft_ca(extension(NAME_CONSTRAINTS, encode(0x30, encode(0xA0, SUBTREE * 1000)))),
        craft(extension("1.2.3.4", b"no DER at all")),
        craft(extension("1.2.3.4", nested(30))),
        craft(*(extension(f"1.2.3.{number}", b"\5\0") for number in range(64))),
        craft(extension("1.3.6.1.5.5.7.1.3", b"\x30\x00", critical=CRITICAL)),
        craft(serial=encode(2, b"\0" + b"\xff" * 20)),
        craft(subject=name("<script>alert(1)</script>")),
        craft(subject=name("=cmd|' /C calc'!A0", "../../etc/passwd", "{{ 7*7 }}")),
        craft(subject=name("東京 Zoë Ελλάδα")),
        craft(subject=name("Big5 \ue000")),
        craft(public_key=rsa_info(odd(8192), odd(64))),
        craft(public_key=key_info(ec.derive_private_key(5, ec.SECP521R1()))),
        craft(public_key=compressed()),
        craft(
            extension("2.5.29.35", bytes.fromhex("30048002aabb")),
            issuer=name("Lab"),
            subject=name("Lab"),
            signature=bytes.fromhex("3006020101020101"),
        ),
    ],
)
def test_what_is_usual_or_only_data_is_taken_without_a_word(der: bytes) -> None:
    upload = read_upload(der)

    assert upload.warnings == ()
    assert upload.certificates[0].der == der
