"""Only the signature of a strong key that the manifest names makes an export one."""

from collections.abc import Callable
from hashlib import sha256

import pytest

from tests.bulk.archives import signer
from tests.bulk.crafting import (
    certificate_pem,
    items,
    manifest,
    packed,
    refusal_of,
    row,
    signed,
    tar,
)

pytestmark = pytest.mark.spec("BK-5")


def _signed(text: bytes, **changes: bytes | None) -> bytes:
    return packed(tar(signed(text, **changes)))


def _with_certificate(kind: str) -> bytes:
    """The manifest is signed by a key of that kind, whatever its strength."""
    target = signer("tomcat", kind)
    pem = certificate_pem(kind)
    text = manifest(signers=[row(kind)])
    return packed(tar(signed(text, target, signers_tomcat_pem=pem)))


TWO = [row(), row("rsa-2048", "ipsec")]
SIGNATURES: list[tuple[str, Callable[[], bytes], str]] = [
    (
        "a foreign signature",
        lambda: packed(tar(signed(manifest(), signer("tomcat", "ec-p384")))),
        "does not fit",
    ),
    ("an empty signature", lambda: _signed(manifest(), signers_tomcat_sig=b""), "does not fit"),
    ("no signature", lambda: _signed(manifest(), signers_tomcat_sig=None), "lacks"),
    ("no certificate", lambda: _signed(manifest(), signers_tomcat_pem=None), "lacks"),
    ("one of two is missing", lambda: _signed(manifest(signers=TWO)), "lacks signers/ipsec.pem"),
    ("no signer", lambda: _signed(manifest(signers=[])), "No key signs"),
    (
        "another certificate",
        lambda: _signed(manifest(), signers_tomcat_pem=certificate_pem("ec-p384")),
        "another key",
    ),
    ("no PEM", lambda: _signed(manifest(), signers_tomcat_pem=b"x"), "no certificate"),
    (
        "two certificates",
        lambda: _signed(manifest(), signers_tomcat_pem=certificate_pem("ec-p256") * 2),
        "no certificate",
    ),
    (
        "no DER",
        lambda: _signed(
            manifest(),
            signers_tomcat_pem=(b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"),
        ),
        "no certificate",
    ),
    ("RSA of 1024 bits", lambda: _with_certificate("rsa-1024"), "too short"),
    ("a curve of 192 bits", lambda: _with_certificate("ec-p192"), "too short"),
]


@pytest.mark.parametrize(
    ("make", "words"), [pytest.param(*rest, id=name) for name, *rest in SIGNATURES]
)
def test_a_signature_that_proves_nothing(make: Callable[[], bytes], words: str) -> None:
    refused = refusal_of(make())

    assert (refused.code, words in refused.sentence) == ("archive.signature", True)


def test_a_signature_file_has_a_limit() -> None:
    refused = refusal_of(_signed(manifest(), signers_tomcat_sig=bytes(4097)))

    assert refused.code == "archive.size"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sha256": sha256(b"").hexdigest()}, "archive.hash"),
        ({"size": 1}, "archive.hash"),
    ],
    ids=["sha256", "size"],
)
def test_a_signed_manifest_that_lies(change: dict[str, object], code: str) -> None:
    assert refusal_of(_signed(manifest(items=items(change)))).code == code
