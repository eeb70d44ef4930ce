"""Certificate Details in words: ordinary, broken and hostile certificates (CM-3)."""

import re
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

from certificates.x509.details import Attribute, describe
from tests.certificates.building import (
    CA_NO,
    KEY,
    NOT_AFTER,
    NOT_BEFORE,
    SERIAL,
    build,
    openssl,
    sign_with_pss,
)

pytestmark = pytest.mark.spec("CM-3")


def test_says_the_same_as_openssl() -> None:
    certificate = build(CA_NO)
    shown = describe(certificate)

    text = openssl(certificate, "-text")
    fingerprints = dict(shown.fingerprints)
    assert shown.version == "3"
    assert "Version: 3" in text
    assert shown.serial_number == "0A:1B:2C:3D:4E:5F:60:71:82:93"
    assert shown.serial_number.lower() in text
    assert shown.serial_decimal == str(SERIAL)
    assert openssl(certificate, "-serial") == f"serial={shown.serial_number.replace(':', '')}\n"
    assert fingerprints["SHA-256"] in openssl(certificate, "-fingerprint", "-sha256")
    assert fingerprints["SHA-1"] in openssl(certificate, "-fingerprint", "-sha1")
    signature = re.sub(r"\s", "", text.split("Signature Value:")[1])
    assert shown.signature.lower() == signature
    assert shown.signature_algorithm == "SHA-256 with ECDSA (1.2.840.10045.4.3.2)"
    assert shown.undecoded == ()


def test_names_the_parts_of_subject_and_issuer_in_their_order() -> None:
    shown = describe(build())

    assert shown.subject == (
        Attribute("Country (C)", "DE"),
        Attribute("Organization (O)", "Example GmbH"),
        Attribute("Common name (CN)", "ccx1.example.com"),
    )
    assert shown.issuer == (Attribute("Common name (CN)", "Lab CA"),)
    written = openssl(build(), "-subject", "-nameopt", "multiline")
    assert [value for _, value in re.findall(r"(\w+) += (.+)", written)] == [
        part.value for part in shown.subject
    ]


def test_times_are_utc() -> None:
    shown = describe(build())

    assert (shown.not_before, shown.not_after) == (NOT_BEFORE, NOT_AFTER)
    assert shown.not_before is not None
    assert shown.not_before.tzinfo is not None


def test_fingerprint_of_the_public_key_is_that_of_openssl() -> None:
    certificate = build()

    pem = openssl(certificate, "-pubkey").encode()
    convert = ["openssl", "pkey", "-pubin", "-outform", "der"]
    info = subprocess.run(convert, input=pem, check=True, capture_output=True).stdout
    digest = hashes.Hash(hashes.SHA256())
    digest.update(info)
    expected = digest.finalize().hex(":").upper()
    assert dict(describe(certificate).fingerprints)["Public key SHA-256 (SPKI)"] == expected


@pytest.mark.parametrize(
    ("make", "first", "second"),
    [
        (lambda: rsa.generate_private_key(65537, 2048), "RSA, 2048 bits", "Exponent 65537"),
        (lambda: KEY, "Elliptic curve P-256 (secp256r1), 256 bits", "Point: 04:"),
        (
            lambda: ec.generate_private_key(ec.SECP256K1()),
            "Elliptic curve secp256k1, 256 bits",
            "Point: 04:",
        ),
        (ed25519.Ed25519PrivateKey.generate, "Ed25519, 256 bits", "Key: "),
        (ed448.Ed448PrivateKey.generate, "Ed448, 456 bits", "Key: "),
        (lambda: dsa.generate_private_key(1024), "DSA, 1024 bits", "P: "),
    ],
    ids=["rsa", "p256", "k256", "ed25519", "ed448", "dsa"],
)
def test_public_keys(make: Callable[[], Any], first: str, second: str) -> None:
    lines = describe(build(key=make())).public_key

    assert lines[0] == first
    assert lines[1].startswith(second)


def test_rsassa_pss_names_its_hash() -> None:
    shown = describe(sign_with_pss())

    assert shown.signature_algorithm == "RSASSA-PSS with SHA-384 (1.2.840.113549.1.1.10)"
