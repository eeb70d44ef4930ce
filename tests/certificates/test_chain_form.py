"""Rules of RFC 5280 about form that paths are held to, and OpenSSL's second opinion (CM-20)."""

from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from certificates.x509 import der
from certificates.x509.paths import engine
from certificates.x509.paths.certificate import PathCertificate
from certificates.x509.paths.extension_reading import (
    AUTHORITY_KEY_IDENTIFIER,
    BASIC_CONSTRAINTS,
    EXTENDED_KEY_USAGE,
    NAME_CONSTRAINTS,
    SUBJECT_ALTERNATIVE_NAME,
)
from tests.certificates.authorities import (
    DAY,
    NOW,
    Authority,
    codes,
    common_name,
    constraints,
    host_names,
    judge,
    root,
    sentence,
)

TOP = root("Lab Root")
NOBODY = x509.Name([])
BOTH = x509.KeyUsage(True, False, False, False, False, True, False, False, False)
IDENTIFIER = x509.AuthorityKeyIdentifier(b"0123456789", None, None)
CRITICAL_IDENTIFIER = {"critical": (x509.AuthorityKeyIdentifier,)}


def signed_again(certificate: bytes, change: Callable[[list[bytes]], None]) -> bytes:
    """With other fields in its content, and a signature that is right again."""
    content, algorithm, _ = der.only_element(certificate).children()
    fields = [field.raw for field in content.children()]
    change(fields)
    signed = der.encode(der.SEQUENCE, b"".join(fields))
    bits = der.encode(der.BIT_STRING, b"\0" + TOP.key.sign(signed, ec.ECDSA(hashes.SHA256())))
    return der.encode(der.SEQUENCE, signed + algorithm.raw + bits)


def with_serial(number: int) -> bytes:
    octets = number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)

    def change(fields: list[bytes]) -> None:
        fields[1] = der.encode(der.INTEGER, octets)

    return signed_again(TOP.issue_leaf("x.example.com"), change)


def as_version(number: int) -> bytes:
    def change(fields: list[bytes]) -> None:
        fields[0] = der.encode(0xA0, der.encode(der.INTEGER, bytes([number - 1])))

    return signed_again(TOP.issue_leaf("x.example.com", host_names("x.example.com")), change)


def with_another_inner_algorithm() -> bytes:
    def change(fields: list[bytes]) -> None:
        fields[2] = der.encode(der.SEQUENCE, bytes.fromhex("06082a8648ce3d040303"))

    return signed_again(TOP.issue_leaf("x.example.com"), change)


def with_an_extension_twice() -> bytes:
    def change(fields: list[bytes]) -> None:
        (sequence,) = der.only_element(fields[-1]).children()
        fields[-1] = der.encode(0xA3, der.encode(der.SEQUENCE, sequence.content * 2))

    return signed_again(TOP.issue_leaf("x.example.com", host_names("x.example.com")), change)


@pytest.mark.parametrize(
    ("leaf", "words"),
    [
        (with_serial(0), "not positive"),
        (with_serial(-5), "not positive"),
        (with_serial(1 << 168), "longer than 20 octets"),
        (as_version(2), "version 2 has no extensions"),
        (with_another_inner_algorithm(), "inside and outside differ"),
        (with_an_extension_twice(), "twice, Subject alternative name"),
        (TOP.issue_leaf("x", IDENTIFIER, **CRITICAL_IDENTIFIER), "Authority key identifier"),
        (TOP.issue_leaf("x", BOTH), "keyCertSign"),
        (TOP.issue_leaf("x", constraints(["example.com"], [])), "has name constraints"),
        (TOP.issue(NOBODY, host_names("x.example.com")).certificate, "without subject"),
    ],
)
@pytest.mark.spec("CM-20")
def test_what_rfc_5280_forbids_is_named(leaf: bytes, words: str) -> None:
    verdict = judge(leaf, [TOP.certificate])

    assert codes(verdict) == ["path.malformed"]
    assert words in sentence(verdict)


def test_a_serial_number_of_twenty_octets_is_fine() -> None:
    assert judge(with_serial((1 << 160) - 1), [TOP.certificate]).trusted


def test_without_subject_a_critical_alternative_name_is_enough() -> None:
    critical = (x509.SubjectAlternativeName,)
    leaf = TOP.issue(NOBODY, host_names("x.example.com"), critical=critical).certificate

    assert judge(leaf, [TOP.certificate]).trusted


def test_nobody_is_issued_by_nobody() -> None:
    nameless = Authority(NOBODY).issue(NOBODY, ca=True)
    leaf = Authority(NOBODY, nameless.key).issue_leaf("x.example.com")

    assert codes(judge(leaf, [nameless.certificate]))[0] == "path.no-issuer"


@pytest.mark.parametrize(
    ("oid", "value", "words"),
    [
        (BASIC_CONSTRAINTS, "30030101", "basic constraints"),
        (BASIC_CONSTRAINTS, "30060101ff0201ff", "basic constraints"),
        (EXTENDED_KEY_USAGE, "3000", "extended key usage"),
        (SUBJECT_ALTERNATIVE_NAME, "3000", "subject alternative name"),
        (SUBJECT_ALTERNATIVE_NAME, "787878", "subject alternative name"),
        (NAME_CONSTRAINTS, "3000", "name constraints"),
        (NAME_CONSTRAINTS, "300ca00a30088203616263800101", "name constraints"),
        (AUTHORITY_KEY_IDENTIFIER, "0400", "authority key identifier"),
    ],
)
def test_what_can_not_be_decoded_is_named(oid: str, value: str, words: str) -> None:
    broken = x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), bytes.fromhex(value))

    verdict = judge(TOP.issue_leaf("x.example.com", broken), [TOP.certificate])

    assert codes(verdict) == ["path.unreadable"]
    assert words in sentence(verdict)


class TestOpenssl:
    """It is asked by itself: our own checks would speak first."""

    def test_agrees_with_a_good_path(self) -> None:
        sub = TOP.issue_ca("Sub")

        assert objection(sub.issue_leaf("x"), sub.certificate, TOP.certificate) is None

    def test_names_the_certificate_that_it_objects_to(self) -> None:
        old = TOP.issue_ca("Old Sub", last=NOW - DAY)

        found = objection(old.issue_leaf("x"), old.certificate, TOP.certificate)

        assert found is not None
        assert found.certificate.label == "CN=Old Sub"
        assert "expired" in found.words

    def test_judges_both_sides_of_a_link_that_it_can_not_see(self) -> None:
        """Its comparison of names knows no letter case beyond ASCII."""
        sub = TOP.issue_ca("Büro CA")
        leaf = sub.issue_leaf("x", issuer=common_name("BÜRO CA"))
        old = sub.issue_leaf("x", issuer=common_name("BÜRO CA"), last=NOW - DAY)

        assert objection(leaf, sub.certificate, TOP.certificate) is None
        assert objection(old, sub.certificate, TOP.certificate) is not None

    def test_what_it_can_not_read_is_named(self) -> None:
        def change(fields: list[bytes]) -> None:
            fields[4] = der.encode(der.SEQUENCE, b"")

        leaf = signed_again(TOP.issue_leaf("x.example.com"), change)

        with pytest.raises(engine.Unreadable):
            objection(leaf, TOP.certificate)


def objection(*path: bytes) -> engine.Objection | None:
    return engine.objection([PathCertificate(each) for each in path], NOW)
