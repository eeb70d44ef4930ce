"""Certificates and damages of others: real CA certificates, linters' and libraries' tests."""

import base64
import lzma
import os
import re
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cryptography_vectors
import pytest

from certificates.x509.details import describe
from certificates.x509.reading import Refused, read_upload

pytestmark = pytest.mark.spec("CM-12", "CM-13")
BESIDE = Path(__file__).resolve().parents[3] / "shared" / "data"
DATA = Path(os.environ.get("CCXSEC_TEST_DATA", BESIDE))
VECTORS = Path(cryptography_vectors.__file__).parent
BLOCK = re.compile(r"-----BEGIN CERTIFICATE-----(.*?)-----END", re.DOTALL)


def shared(file: str) -> Path:
    if not (DATA / file).exists():
        pytest.skip(f"{DATA / file} is not here")
    return DATA / file


def archived(file: str) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(shared(file)) as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content is not None:
                yield member.name, content.read()


def outcome_of(data: bytes) -> str:
    """The code, or "accepted"; what is accepted can be described."""
    try:
        upload = read_upload(data)
    except Refused as refused:
        return refused.code if refused.sentence and len(str(refused)) < 1000 else "sentence"
    for read in upload.certificates:
        describe(read.der)
    return "accepted"


def test_real_ca_certificates_are_kept() -> None:
    """Two reasons are left: inside and outside name two algorithms, and RSA of 1,000 bits."""
    pem = lzma.decompress(shared("ccadb-dev-to2014.pem.xz").read_bytes()).decode()
    ders = [base64.b64decode(body) for body in BLOCK.findall(pem)]

    outcomes = Counter(map(outcome_of, ders))

    assert outcomes == {"accepted": len(ders) - 6, "structure.algorithm": 5, "key.weak": 1}


MUTANTS = {
    "ok.pem": "accepted",
    "ok.der": "accepted",
    "all_one_line.pem": "accepted",
    "bom_utf8.pem": "accepted",
    "cr_only.pem": "accepted",
    "crlf.pem": "accepted",
    "indented.pem": "accepted",
    "junk_after.pem": "accepted",
    "junk_before.pem": "accepted",
    "no_final_newline.pem": "accepted",
    "one_line_body.pem": "accepted",
    "p7.der": "accepted",
    "trailing_spaces.pem": "accepted",
    "x509_certificate_label.pem": "accepted",
    "a_30_1mb.der": "upload.text",
    "bad_b64_char.pem": "parse",
    "bare_base64.txt": "upload.text",
    "base64_of_pem.txt": "upload.text",
    "cert_second_broken.pem": "pem.several",
    "cert_then_key.pem": "key.included",
    "csr.pem": "type.csr",
    "deep_nest.der": "parse",
    "der_ber_indef.der": "parse",
    "der_len_overlong.der": "parse",
    "der_trailing_cert.der": "parse",
    "der_trailing_nul.der": "parse",
    "der_trunc_1.der": "parse",
    "der_trunc_half.der": "parse",
    "empty": "upload.empty",
    "escaped_newlines.pem": "parse",
    "four_dashes.pem": "upload.text",
    "junk_between_two.pem": "pem.several",
    "key_then_cert.pem": "key.included",
    "lowercase_label.pem": "type.other",
    "missing_begin.pem": "parse",
    "missing_end.pem": "parse",
    "nul_inside.pem": "parse",
    "only_key.pem": "key.included",
    "p7.pem": "type.pkcs7-pem",
    "p7_in_certificate_label.pem": "type.pkcs7-pem",
    "p7_label_cms.pem": "type.pkcs7-pem",
    "p7_label_pkcs7signed.pem": "type.pkcs7-pem",
    "spaces": "upload.text",
    "trusted_label.pem": "type.trusted",
    "two_certs.pem": "pem.several",
    "utf16le_bom.pem": "upload.text",
    "zero_1mb": "parse",
}


def test_every_mutant_has_its_outcome() -> None:
    outcomes = {Path(name).name: outcome_of(data) for name, data in archived("mutants.tar.xz")}

    assert outcomes == MUTANTS


@pytest.mark.parametrize("archive", ["zlint-half.tar.xz", "openssl-half.tar.xz"])
def test_nothing_but_refusals_comes_of_others_tests(archive: str) -> None:
    outcomes = Counter(outcome_of(data) for _, data in archived(archive))

    assert outcomes["accepted"] > 50
    assert len(outcomes) > 10
    assert "sentence" not in outcomes


def test_nothing_but_refusals_comes_of_the_vectors_of_cryptography() -> None:
    files = [path for path in sorted(VECTORS.rglob("*")) if path.is_file()]

    outcomes = Counter(outcome_of(path.read_bytes()) for path in files)

    assert outcomes["accepted"] > 400
    assert outcomes["key.included"] > 100
    assert outcomes["type.pkcs12"] > 400
    assert outcomes["type.crl"] > 150
