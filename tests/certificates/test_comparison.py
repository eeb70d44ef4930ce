"""What a CA changed, in words: subject, names, key, usages (CM-17, CM-20)."""

import pytest
from cryptography import x509

from certificates.x509.chain import compare
from certificates.x509.facts import read_facts
from certificates.x509.name_digest import name_digest, name_digests
from tests.certificates.authority import SERVER, Authority

EVERYTHING = (
    "keyUsage=critical,digitalSignature,keyEncipherment,dataEncipherment,keyAgreement",
    "extendedKeyUsage=serverAuth,clientAuth,1.3.6.1.5.5.7.3.5",
)
NAMES = "DNS:ccx1.example.com,IP:192.0.2.10"


@pytest.fixture(scope="session")
def csr(ca: Authority) -> str:
    """A request as ours, made by openssl."""
    more = [part for text in (*EVERYTHING, f"subjectAltName={NAMES}") for part in ("-addext", text)]
    what = ["req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "asked.key", *more]
    return ca.run(*what, "-subj", "/O=Lab GmbH/CN=ccx1.example.com").decode()


def differences(csr: str, answer: bytes) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    found = compare(csr.encode(), answer)
    return {one.part: (one.missing, one.extra) for one in found}


def test_the_same_has_no_difference(csr: str, ca: Authority) -> None:
    answer = ca.sign(csr, *EVERYTHING, names=NAMES)

    assert compare(csr.encode(), answer) == ()
    assert compare(x509.load_pem_x509_csr(csr.encode()), ca.der(answer)) == ()


def test_missing_and_extra_names_are_told_in_words(csr: str, ca: Authority) -> None:
    answer = ca.sign(csr, *EVERYTHING, names="DNS:CCX1.example.com,DNS:x.example.com")

    (told,) = compare(csr.encode(), answer)

    assert (told.missing, told.extra) == (("IP address: 192.0.2.10",), ("DNS: x.example.com",))
    assert "missing IP address: 192.0.2.10; extra DNS: x.example.com" in told


def test_every_part_is_compared(csr: str, ca: Authority) -> None:
    other = ca.run("req", "-new", "-key", "sub.key", "-subj", "/CN=y").decode()
    answer = ca.sign(other, *SERVER, names="", subject="/O=Other/CN=ccx1.example.com")

    found = differences(csr, answer)

    assert list(found) == ["subject", "alternative names", "key", "key usage", "extended key usage"]
    assert found["subject"] == (("Organization (O)=Lab GmbH",), ("Organization (O)=Other",))
    assert found["key usage"] == (("Data Encipherment", "Key Agreement"), ())
    assert found["extended key usage"][0] == ("TLS Web Client Authentication", "IPSec End System")


def test_no_usage_at_all_allows_everything(csr: str, ca: Authority) -> None:
    answer = ca.sign(csr, "basicConstraints=CA:false", names=NAMES)

    assert differences(csr, answer) == {}


def test_names_are_equal_as_rfc_5280_says(ca: Authority) -> None:
    def digest(value: str) -> str:
        made = ca.run(
            "req", "-x509", "-key", "root.key", "-subj", f"/O=Lab/CN={value}", "-utf8",
            "-nameopt", "utf8",
        )  # fmt: skip
        return name_digests(ca.der(made))[0]

    assert digest("Lab  Root") == digest("lab root") == digest("LAB ROOT ")
    assert digest("Büro") == digest("BÜRO")
    assert digest("Lab Root") != digest("Lab Root 2")
    assert digest("Lab, Root") != digest("Lab Root")
    assert name_digests(b"\x30\x00") == ("", "")
    assert name_digest(b"broken") == name_digest(b"broken") != name_digest(b"other")


def test_a_row_keeps_the_digests_of_its_names(ca: Authority) -> None:
    root, sub = (name_digests(ca.der(pem)) for pem in (ca.root, ca.sub))

    assert root[0] == root[1] == sub[1] != sub[0]
    assert read_facts(ca.der(ca.root)).type == "self-signed"
