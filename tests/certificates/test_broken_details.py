"""Details of certificates that are broken, unknown, hostile or huge (CM-3)."""

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose

from certificates.x509 import der
from certificates.x509.details import Attribute, ExtensionText, describe
from tests.certificates.building import (
    CA_NO,
    KEY,
    NOT_BEFORE,
    SAN_OID,
    build,
    name,
    oid,
    only,
    patched,
    raw,
    reassembled,
    sign_with_pss,
)
from tests.effort import takes_at_most

pytestmark = pytest.mark.spec("CM-3")


@pytest.mark.parametrize("critical", [True, False])
def test_an_unknown_extension_is_hexadecimal_and_no_error(critical: bool) -> None:
    shown = describe(build(raw("1.2.3.4", "00" * 20), critical=critical))

    assert only(shown) == ExtensionText(
        "1.2.3.4",
        "Unknown extension",
        critical,
        ("No decoder for this extension.", ":".join(["00"] * 16), "00:00:00:00"),
        False,
    )
    assert shown.undecoded == ()


def test_a_broken_extension_does_not_hide_the_others() -> None:
    broken = raw("2.5.29.14", "ffff")
    certificate = build(CA_NO, broken, x509.ExtendedKeyUsage([Purpose.SERVER_AUTH]))
    with pytest.raises(ValueError, match="error parsing"):
        _ = x509.load_der_x509_certificate(certificate).extensions

    shown = describe(certificate)

    assert [each.decoded for each in shown.extensions] == [True, False, True]
    why, octets = shown.extensions[1].lines
    assert why.startswith("It can't be decoded: ")
    assert octets == "FF:FF"
    assert shown.undecoded == (f"Subject key identifier (2.5.29.14): {why}",)


def test_a_broken_name_does_not_hide_the_other_names() -> None:
    """An IP address of three octets, between two good names."""
    value = "300d 8201 61 8703 010203 8203 622e63"

    shown = describe(build(x509.UnrecognizedExtension(SAN_OID, bytes.fromhex(value))))

    why, *lines = only(shown).lines
    assert lines == ["DNS: a", "Undecoded: 87:03:01:02:03", "DNS: b.c"]
    assert not only(shown).decoded
    assert shown.undecoded == (f"Subject alternative name (2.5.29.17): {why}",)


def test_a_broken_constraint_does_not_hide_the_others() -> None:
    """Permitted: "a.b"; excluded: every directory name, and one with an empty part."""
    value = "3019 a007 3005 8203 612e62 a10e 3004 a402 3000 3006 a404 3002 3100"

    shown = describe(build(raw("2.5.29.30", value)))

    assert only(shown).lines[1:] == (
        "Permitted DNS: a.b",
        "Excluded Directory name: (empty)",
        "Undecoded: 30:06:A4:04:30:02:31:00",
    )


def test_duplicate_extensions_are_both_shown() -> None:
    certificate = build(raw("1.2.3.4", "3000"), x509.BasicConstraints(True, 0))
    certificate = patched(certificate, b"\x06\x03\x2a\x03\x04", b"\x06\x03\x55\x1d\x13")
    with pytest.raises(x509.DuplicateExtension):
        _ = x509.load_der_x509_certificate(certificate).extensions

    first, second = describe(certificate).extensions

    assert first.lines == ("CA: no",)
    assert second.lines == (
        "It stands here more than once, which RFC 5280, 4.2 forbids.",
        "CA: yes, path length 0",
    )


def test_a_broken_part_of_the_subject_does_not_hide_the_others() -> None:
    certificate = patched(build(), b"\x0c\x10ccx1", b"\x0c\x10\xff\xfe\xfd\xfc")
    with pytest.raises(ValueError, match="subject"):
        _ = x509.load_der_x509_certificate(certificate).subject

    shown = describe(certificate)

    assert [part.name for part in shown.subject] == [
        "Country (C)",
        "Organization (O)",
        "Common name (CN)",
    ]
    assert shown.subject[1].value == "Example GmbH"
    assert shown.subject[2].value.startswith("Undecoded: 0C:10:FF:FE:FD:FC:2E:65")
    (sentence,) = shown.undecoded
    assert sentence.startswith("Subject, Common name (CN): It can't be decoded: ")


def test_a_broken_public_key_is_hexadecimal() -> None:
    point = KEY.public_key().public_numbers().x.to_bytes(32, "big")
    certificate = patched(build(), point, b"\xff" * 32)

    shown = describe(certificate)

    algorithm, octets = shown.public_key
    assert algorithm == "Algorithm Elliptic curve (1.2.840.10045.2.1)"
    assert octets.startswith("Undecoded: 30:59:30:13")
    (sentence,) = shown.undecoded
    assert sentence.startswith("Public key, Elliptic curve (1.2.840.10045.2.1): ")


def test_an_unknown_public_key_algorithm_is_named_by_its_number() -> None:
    certificate = patched(build(), b"\x2a\x86\x48\xce\x3d\x02\x01", b"\x2a\x86\x48\xce\x3d\x02\x7f")

    shown = describe(certificate)

    assert shown.public_key[0] == "Algorithm 1.2.840.10045.2.127"
    assert len(shown.undecoded) == 1


def test_a_diffie_hellman_key_is_not_checked() -> None:
    """The library would test whether its modulus is prime: 31 s for one of 8,192 bits."""
    oid_and_domain = bytes.fromhex("06072a8648ce3e0201 3009 020117 020104 02010b")
    algorithm = der.encode(der.SEQUENCE, oid_and_domain)
    info = der.encode(der.SEQUENCE, algorithm + der.encode(der.BIT_STRING, b"\0\2\1\4"))

    shown = describe(reassembled(build(), 6, info))

    assert shown.public_key == ("Algorithm Diffie-Hellman (1.2.840.10046.2.1)", "Key: 02:01:04")
    assert shown.undecoded == ()


def test_an_impossible_date_is_none() -> None:
    moments = der.encode(0x17, b"260102030405Z") + der.encode(0x18, b"00000102030405Z")

    shown = describe(reassembled(build(), 4, der.encode(der.SEQUENCE, moments)))

    assert (shown.not_before, shown.not_after) == (NOT_BEFORE, None)
    (sentence,) = shown.undecoded
    assert sentence.startswith("Not after: It can't be decoded: year 0 is out of range (18:0F:30")


def test_pss_parameters_that_cannot_be_decoded_are_named() -> None:
    """RSASSA-PSS with SHA-384 as a hash that does not exist."""
    sha384, unknown = (bytes.fromhex("0609608648016503040" + last) for last in ("202", "27f"))
    certificate = sign_with_pss().replace(sha384, unknown)

    shown = describe(certificate)

    assert shown.signature_algorithm == "RSASSA-PSS (1.2.840.113549.1.1.10)"
    assert shown.undecoded[0].startswith("Signature algorithm: It can't be decoded: ")


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (b"\x0c\x03Z\xc3\xab", "Zë"),
        (b"\x13\x02AB", "AB"),
        (b"\x14\x03Z\xc3\xab", "Zë"),
        (b"\x14\x02Z\xeb", "Zë"),
        (b"\x1e\x04\x00Z\x00\xeb", "Zë"),
        (b"\x1c\x04\x00\x00\x00Z", "Z"),
        (b"\x03\x02\x00\xab", "AB"),
        (b"\x0c\x01\xff", "Undecoded: 0C:01:FF"),
        (b"\x02\x01\x05", "Undecoded: 02:01:05"),
    ],
)
def test_names_in_every_kind_of_string(content: bytes, shown: str) -> None:
    attribute = der.encode(der.SEQUENCE, b"\x06\x03\x55\x04\x0a" + content)
    subject = der.encode(der.SEQUENCE, der.encode(der.SET, attribute))

    details = describe(reassembled(build(), 5, subject))

    assert details.subject == (Attribute("Organization (O)", shown),)
    assert len(details.undecoded) == shown.startswith("Undecoded")


@pytest.mark.parametrize("value", ["0302 0fc0", "0300", "0301 07", "0401 00", "30", ""])
def test_broken_key_usages_are_hexadecimal(value: str) -> None:
    shown = describe(build(raw("2.5.29.15", value)))

    assert not only(shown).decoded
    assert only(shown).lines[0].startswith("It can't be decoded: ")
    assert len(shown.undecoded) == 1


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("a\0b", r"a\u{0}b"),
        ("a\u202eb", r"a\u{202e}b"),
        ("a\r\nb", r"a\u{d}\u{a}b"),
        ("a\u2028b", r"a\u{2028}b"),
        ("a\u200bb", r"a\u{200b}b"),
        ("<b>&'\"", "<b>&'\""),
        ("Zoë 東京", "Zoë 東京"),
    ],
    ids=["nul", "bidi", "line-break", "separator", "zero-width", "html", "plain"],
)
def test_hostile_text_is_visible_everywhere(hostile: str, shown: str) -> None:
    other = x509.OtherName(oid("1.2.3"), der.encode(0x0C, hostile.encode()))
    subject = name(ORGANIZATION_NAME=hostile, COMMON_NAME="x")
    policy = x509.PolicyInformation(oid("1.2.3"), [x509.UserNotice(None, hostile)])
    certificate = build(
        x509.SubjectAlternativeName([other]),
        x509.CertificatePolicies([policy]),
        subject=subject,
    )

    found = describe(certificate)

    assert found.subject[0].value == shown
    assert found.extensions[0].lines == (f"Other name 1.2.3: {shown}",)
    assert found.extensions[1].lines == ("1.2.3", f"User notice: {shown}")


@pytest.mark.parametrize("names", [4000, 2001, 2000])
def test_thousands_of_names_are_cut_with_a_count(names: int) -> None:
    san = x509.SubjectAlternativeName([x509.DNSName(f"h{n}.example.com") for n in range(names)])

    lines = only(describe(build(san))).lines

    assert len(lines) == 2000
    more = names - 1999
    assert lines[-1] == (f"… and {more:,} more" if more > 1 else "DNS: h1999.example.com")


@pytest.mark.parametrize("broken", [False, True], ids=["good", "broken"])
def test_64_kib_of_names_take_less_than_300_ms(broken: bool) -> None:
    names = b"".join(der.encode(0x82, b"h%05d.example.com" % n) for n in range(3450))
    names += b"\x87\x01\x00" if broken else b""
    value = der.encode(der.SEQUENCE, names)
    certificate = build(x509.UnrecognizedExtension(SAN_OID, value))

    assert len(value) > 64 * 1024
    assert only(describe(certificate)).decoded is not broken
    assert takes_at_most(0.3, lambda: describe(certificate))


def test_a_huge_serial_number_is_not_written_in_decimal() -> None:
    """Python refuses to turn more than 4,300 digits into text."""
    serial = der.encode(der.INTEGER, b"\x01" + bytes(9999))

    shown = describe(reassembled(build(), 1, serial))

    assert shown.serial_decimal == "a number of 79993 bits"
    assert shown.serial_number.startswith("01:00:00")


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_a_negative_serial_number_has_a_minus_sign() -> None:
    certificate = patched(build(serial=0x1234), b"\x02\x02\x12\x34", b"\x02\x02\xff\x34")

    shown = describe(certificate)

    assert (shown.serial_number, shown.serial_decimal) == ("-CC", "-204")


@pytest.mark.parametrize(
    "data",
    [b"", b"\x30\x00", b"no certificate", build()[:-1], build() + b"\0"],
    ids=["nothing", "empty", "text", "cut", "longer"],
)
def test_what_is_no_certificate_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        describe(data)


def test_an_impossible_version_is_a_value_error() -> None:
    certificate = patched(build(), b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07")

    with pytest.raises(ValueError, match="version"):
        describe(certificate)


@pytest.mark.parametrize(
    ("data", "offset", "reason"),
    [
        ("300302010104", 6, "length missing"),
        ("3080", 1, "indefinite"),
        ("308101", 1, "cut short|shortest"),
        ("30810100", 1, "shortest"),
        ("3082008000", 1, "shortest"),
        ("3005020101", 0, "5 octets announced, 3 there"),
        ("1f8080", 0, "tag cut short"),
    ],
)
def test_the_reader_names_offset_and_reason(data: str, offset: int, reason: str) -> None:
    with pytest.raises(der.DerError, match=reason) as error:
        list(der.elements(bytes.fromhex(data)))

    assert error.value.offset == offset


def test_the_reader_has_limits() -> None:
    nested = b""
    for _ in range(der.MAXIMUM_DEPTH + 2):
        nested = der.encode(der.SEQUENCE, nested)
    element = der.only_element(nested)
    for _ in range(der.MAXIMUM_DEPTH):
        (element,) = element.children()

    with pytest.raises(der.DerError, match="100 octets are more than 99"):
        der.elements(bytes(100), maximum_length=99)
    with pytest.raises(der.DerError, match="deeper than 32"):
        element.children()


def test_the_reader_refuses_what_stands_behind_the_end() -> None:
    with pytest.raises(der.DerError, match="at octet 2: 1 octets behind the end"):
        der.only_element(b"\x05\x00\x00")
