"""Files that are taken: each form, the exact bytes, and what comes out (CM-12, CM-24)."""

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from certificates.refusal import Outcome
from certificates.x509.der import encode
from certificates.x509.details import describe
from certificates.x509.reading import Form, Refused, Upload, read_upload
from tests.certificates.crafting import (
    CA,
    GENERALIZED_TIME,
    IS_CA,
    POLICIES,
    UTC_TIME,
    craft,
    craft_ca,
    extension,
    key_info,
    name,
    oid,
    pem,
    pkcs7,
)

pytestmark = pytest.mark.spec("CM-12")
CERTIFICATE = craft()
PEM = pem(CERTIFICATE)
BROKEN_POLICY = extension(POLICIES, bytes.fromhex("3006300406028003"))


@pytest.fixture(scope="session")
def made(openssl: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what openssl makes: ca, a server's certificate, their chain."""
    folder = tmp_path_factory.mktemp("made")

    def run(arguments: str) -> None:
        command = [openssl, *arguments.split()]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)

    for bits, who in ((3072, "ca"), (2048, "server")):
        run(
            f"req -x509 -newkey rsa:{bits} -nodes -keyout {who}.key -out {who}.pem -days 30 "
            f"-subj /C=DE/O=Example/CN={who}.example.com"
        )
        run(f"x509 -in {who}.pem -outform der -out {who}.der")
    run("crl2pkcs7 -nocrl -certfile server.pem -certfile ca.pem -outform der -out chain.p7b")
    return folder


@pytest.mark.spec("CM-24")
@pytest.mark.parametrize(
    ("file", "form"), [("ca.pem", Form.PEM), ("ca.der", Form.DER), ("chain.p7b", Form.PKCS7)]
)
def test_keeps_the_exact_bytes_that_openssl_wrote(made: Path, file: str, form: Form) -> None:
    upload = read_upload((made / file).read_bytes())

    files = ["server.der", "ca.der"] if form is Form.PKCS7 else ["ca.der"]
    assert upload.form == form
    assert [read.der for read in upload.certificates] == [(made / f).read_bytes() for f in files]


@pytest.mark.parametrize(
    "data",
    [
        PEM,
        PEM.replace(b"\n", b"\r\n"),
        PEM.replace(b"\n", b"\r"),
        PEM.rstrip(),
        b"\xef\xbb\xbf" + PEM,
        b"Bag Attributes\n  friendlyName: x\nsubject=/CN=x\n\n" + PEM,
        b"0 s:CN = ccx1\n  i:CN = Lab CA\n" + PEM,
        PEM + "\nThat was it, Zoë.\n".encode(),
        PEM.replace(b"\n", b"\n    ").replace(b"-----BEGIN", b"    -----BEGIN"),
        PEM.replace(b"\n", b"  \t\n"),
        PEM.replace(b"CERTIFICATE", b"X509 CERTIFICATE"),
        b"-----BEGIN CERTIFICATE-----\n"
        + b"".join(PEM.split(b"\n")[1:-2])
        + b"\n-----END CERTIFICATE-----",
        CERTIFICATE,
        pkcs7([CERTIFICATE]),
    ],
    ids=[
        "plain",
        "CR LF",
        "CR",
        "no last line end",
        "byte-order mark",
        "text before",
        "text that begins with 0",
        "text behind",
        "indented",
        "blanks at line ends",
        "X509 CERTIFICATE",
        "one line",
        "DER",
        "PKCS#7",
    ],
)
def test_every_form_of_one_certificate_is_taken(data: bytes) -> None:
    (read,) = read_upload(data).certificates

    assert read.der == CERTIFICATE


def test_says_what_the_certificate_says() -> None:
    usage = extension("2.5.29.37", encode(0x30, oid("1.3.6.1.5.5.7.3.1") + oid("1.2.3")))

    (leaf,) = read_upload(craft(usage)).certificates
    (ca,) = read_upload(craft_ca()).certificates

    assert (leaf.is_ca, leaf.is_self_signed, leaf.is_partly_readable) == (False, False, False)
    assert leaf.extended_key_usages == ("1.3.6.1.5.5.7.3.1", "1.2.3")
    assert leaf.facts.common_name == "ccx1.example.com"
    assert leaf.public_key_info == key_info()
    assert (ca.is_ca, ca.is_self_signed, ca.extended_key_usages) == (True, True, None)


def test_a_self_signed_certificate_of_version_1_is_a_ca() -> None:
    lab = name("Old Root")

    upload = read_upload(craft(version=b"", issuer=lab, subject=lab))

    (read,) = upload.certificates
    assert read.is_ca
    assert read.is_self_signed
    assert [finding.code for finding in upload.warnings] == ["structure.version"]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_a_chain_keeps_its_order(order: tuple[int, ...]) -> None:
    ders = [craft_ca(), craft(), craft(serial=b"\x02\x01\x06")]
    ordered = [ders[place] for place in order]

    upload = read_upload(pkcs7(ordered))

    assert [read.der for read in upload.certificates] == ordered


def test_a_double_is_kept_once_and_told() -> None:
    upload = read_upload(pkcs7([CERTIFICATE, craft_ca(), CERTIFICATE]))

    assert len(upload.certificates) == 2
    assert [(f.code, f.outcome) for f in upload.warnings] == [("bundle.count", Outcome.WARN)]


def test_revocation_lists_in_a_chain_are_told() -> None:
    upload = read_upload(pkcs7([CERTIFICATE], ending=encode(0xA1, b"\x30\x00")))

    assert [finding.code for finding in upload.warnings] == ["bundle.content"]


def test_200_certificates_are_taken() -> None:
    serials = (encode(2, (1000 + number).to_bytes(2, "big")) for number in range(200))

    upload = read_upload(pkcs7([craft(serial=serial) for serial in serials]))

    assert len(upload.certificates) == 200


@pytest.mark.parametrize(
    "broken",
    [
        craft_ca(BROKEN_POLICY),
        craft_ca(extension("2.5.29.14", b"\xff")),
        craft_ca(validity=encode(UTC_TIME, b"2601010000Z") * 2),
        craft(extension("2.5.29.19", IS_CA, critical=b"\x01\x01\x00"), subject=name("Sub CA")),
    ],
    ids=["policy", "subject key identifier", "time without seconds", "default value written"],
)
def test_a_ca_certificate_that_openssl_reads_is_kept_partly_readable(broken: bytes) -> None:
    upload = read_upload(broken)

    (read,) = upload.certificates
    (finding,) = upload.warnings
    assert read.der == broken
    assert read.is_partly_readable
    assert read.is_ca
    assert (finding.code, finding.outcome) == ("parse", Outcome.WARN)
    assert "partly readable" in finding.sentence
    assert read.facts.common_name in ("Lab CA", "Sub CA")
    assert describe(broken).subject[0].value == read.facts.common_name


def test_a_time_of_an_older_form_is_understood() -> None:
    moments = encode(UTC_TIME, b"2601020304Z") + encode(UTC_TIME, b"360102030405+0200")

    (read,) = read_upload(craft_ca(validity=moments)).certificates

    assert read.facts.not_before == datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    assert read.facts.not_after == datetime(2036, 1, 2, 1, 4, 5, tzinfo=UTC)
    assert describe(read.der).not_after == read.facts.not_after


def test_other_extensions_of_a_partly_readable_certificate_are_read() -> None:
    identifier = extension("2.5.29.14", bytes.fromhex("0404deadbeef"))

    (read,) = read_upload(craft_ca(BROKEN_POLICY, identifier)).certificates

    assert read.facts.subject_key_identifier == "deadbeef"


@pytest.mark.parametrize(
    "make",
    [
        lambda: craft(BROKEN_POLICY),
        lambda: craft_ca(BROKEN_POLICY, signature=b"\x30\x06\x02\x01\x01\x02\x01\x01"),
    ],
    ids=["a server's", "a forged CA's"],
)
def test_only_a_real_ca_may_be_partly_readable(make: Callable[[], bytes]) -> None:
    with pytest.raises(Refused, match="Certificate policies") as refusal:
        read_upload(make())

    assert refusal.value.code == "parse"


def test_generalized_time_after_2050_is_read() -> None:
    moments = encode(UTC_TIME, b"260101000000Z") + encode(GENERALIZED_TIME, b"20600101000000Z")

    (read,) = read_upload(craft(validity=moments)).certificates

    assert read.facts.not_after == datetime(2060, 1, 1, tzinfo=UTC)


def test_the_representation_is_short() -> None:
    upload: Upload = read_upload(pkcs7([craft_ca(), craft()]))

    assert len(repr(upload)) < 1000
    assert CA.hex() not in repr(upload)
