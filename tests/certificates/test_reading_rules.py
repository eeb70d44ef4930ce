"""Certificates that are refused for what is in them: every limit and rule by its code (CM-13)."""

import pytest

from certificates.x509.der import encode
from certificates.x509.reading import Refused, read_upload
from tests.certificates.crafting import (
    CRITICAL,
    DNS,
    EMAIL,
    GENERALIZED_TIME,
    IA5,
    IP_ADDRESS,
    IS_CA,
    MD5_RSA,
    NAME_CONSTRAINTS,
    POLICIES,
    POLICY_MAPPINGS,
    PRINTABLE,
    SUBTREE,
    URI,
    UTC_TIME,
    UTF8,
    craft,
    craft_ca,
    curve_info,
    extension,
    info,
    name,
    nested,
    odd,
    oid,
    pem,
    rsa_info,
    san,
)

pytestmark = pytest.mark.spec("CM-13")


def close_primes() -> int:
    """A product of two neighbours: of no primes, but Fermat's method does not ask for that."""
    factor = odd(1024)
    return factor * (factor + 100)


def times(first: tuple[int, bytes], last: tuple[int, bytes]) -> bytes:
    return encode(*first) + encode(*last)


START = (UTC_TIME, b"260101000000Z")
SHA256_RSA = bytes.fromhex("300d06092a864886f70d01010b0500")
MAPPING = encode(0x30, oid("1.2.3") + oid("1.2.4"))
X25519 = info(oid("1.3.101.110"), bytes(32))
REFUSED = {
    # structure
    "nested": ("structure.size", craft(extension("1.2.3.4", nested(41)))),
    "nested in a name": ("structure.size", craft(subject=nested(60))),
    "65 extensions": (
        "structure.size",
        craft(*(extension(f"1.2.3.{number}", b"\5\0") for number in range(65))),
    ),
    "65 KiB extension": ("structure.size", craft(extension("1.2.3", bytes(65 * 1024)))),
    "1,001 name constraints": (
        "structure.size",
        craft_ca(extension(NAME_CONSTRAINTS, encode(0x30, encode(0xA0, SUBTREE * 1001)))),
    ),
    "1,001 policy mappings": (
        "structure.size",
        craft_ca(extension(POLICY_MAPPINGS, encode(0x30, MAPPING * 1001))),
    ),
    "object identifier of 101 octets": (
        "structure.size",
        craft(extension("1.2.3", encode(6, b"\x2a" * 101))),
    ),
    "object identifier in a name": (
        "structure.size",
        craft(
            subject=encode(
                0x30, encode(0x31, encode(0x30, encode(6, b"\x2a" * 101) + b"\x0c\x01a"))
            )
        ),
    ),
    "extension twice": (
        "structure.duplicate-extension",
        craft(extension("1.2.3", b"\5\0"), extension("1.2.3", b"\5\0")),
    ),
    "SAN twice": ("structure.duplicate-extension", craft(san((DNS, "a.b")), san((DNS, "a.c")))),
    "version 1 with extensions": ("structure.version", craft(san((DNS, "a.b")), version=b"")),
    "version 1 with identifiers": (
        "structure.version",
        craft(version=b"", unique_ids=encode(0x81, b"\0\1")),
    ),
    "version 2": ("structure.version", craft(version=bytes.fromhex("a003020101"))),
    "version 8": ("structure.version", craft(version=bytes.fromhex("a003020107"))),
    "two algorithms": ("structure.algorithm", craft(outer_algorithm=SHA256_RSA)),
    "unknown critical": (
        "structure.critical",
        craft(extension("1.2.3", b"\5\0", critical=CRITICAL)),
    ),
    "precertificate": (
        "structure.critical",
        craft(extension("1.3.6.1.4.1.11129.2.4.3", b"\5\0", critical=CRITICAL)),
    ),
    # names
    "NUL": ("name.control", craft(subject=name("ccx1\0.example.com"))),
    "C0": ("name.control", craft(subject=name("a\x1b[31mb"))),
    "C1": ("name.control", craft(subject=name("a\x85b"))),
    "line separator": ("name.control", craft(subject=name("a\u2028b"))),
    "paragraph separator": ("name.control", craft(subject=name("a\u2029b"))),
    "bidirectional": ("name.control", craft(subject=name("a\u202eb"))),
    "isolate": ("name.control", craft(subject=name("a\u2066b"))),
    "zero-width": ("name.control", craft(subject=name("a\u200bb"))),
    "byte-order mark": ("name.control", craft(subject=name("a\ufeffb"))),
    "in the issuer": ("name.control", craft(issuer=name("a\0b"))),
    "in a PrintableString": ("name.control", craft(subject=name("a\0b", tag=PRINTABLE))),
    "in a DNS name": ("name.control", craft(san((DNS, b"ccx1\0.example.com")))),
    "in an e-mail address": ("name.control", craft(san((EMAIL, b"a@b\n.c")))),
    "in a directory name": ("name.control", craft(san((0xA4, name("a\0b"))))),
    "in another name": (
        "name.control",
        craft(san((0xA0, oid("1.2.3") + encode(0xA0, encode(UTF8, "a\u202eb".encode()))))),
    ),
    "1,025 characters": ("name.long", craft(subject=name("a" * 1025))),
    "33 attributes": ("name.long", craft(subject=name(*["a"] * 33))),
    "33 in the issuer": ("name.long", craft(issuer=name(*["a"] * 33))),
    "a CA without subject": (
        "name.empty",
        craft(extension("2.5.29.19", IS_CA), subject=encode(0x30, b"")),
    ),
    # alternative names
    **{
        f"host {host!r}": ("san.syntax", craft(san((DNS, host))))
        for host in (
            "",
            " ",
            "a b",
            "a..b",
            ".a.b",
            "a.b.",
            "-a.b",
            "a-.b",
            "a" * 64 + ".b",
            ".".join(["a" * 63] * 4),
            "*",
            "*.com",
            "a.*.com",
            "a*.b.com",
            "*a.b.com",
            "*.*.com",
            "192.0.2.1",
            "ä.de",
            "http://a.b",
            "a.b:443",
        )
    },
    "IP of 3": ("san.syntax", craft(san((IP_ADDRESS, b"\1\2\3")))),
    "IP of 8": ("san.syntax", craft(san((IP_ADDRESS, bytes(8))))),
    "IP of 0": ("san.syntax", craft(san((IP_ADDRESS, b"")))),
    "501 names": ("san.count", craft(san(*((DNS, f"h{n}.example.com") for n in range(501))))),
    "URI with a control": ("uri.syntax", craft(san((URI, b"http://a/\0")))),
    "URI in distribution points": (
        "uri.syntax",
        craft(
            extension(
                "2.5.29.31",
                encode(0x30, encode(0x30, encode(0xA0, encode(0xA0, encode(URI, b"http://a/\n"))))),
            )
        ),
    ),
    "URI of the issuer": (
        "uri.syntax",
        craft(
            extension(
                "1.3.6.1.5.5.7.1.1",
                encode(
                    0x30,
                    encode(0x30, oid("1.3.6.1.5.5.7.48.2") + encode(URI, b"http://" + b"a" * 2042)),
                ),
            )
        ),
    ),
    "URI in policies": (
        "uri.syntax",
        craft(
            extension(
                POLICIES,
                encode(
                    0x30,
                    encode(
                        0x30,
                        oid("1.2.3")
                        + encode(
                            0x30,
                            encode(0x30, oid("1.3.6.1.5.5.7.2.1") + encode(IA5, b"http://a\x07")),
                        ),
                    ),
                ),
            )
        ),
    ),
    # keys
    "RSA 512": ("key.weak", craft(public_key=rsa_info(odd(512)))),
    "RSA 1023": ("key.weak", craft(public_key=rsa_info(odd(1023)))),
    "RSA 8193": ("key.size", craft(public_key=rsa_info(odd(8193)))),
    "adjacent primes": ("key.weak", craft(public_key=rsa_info(close_primes()))),
    "P-192": ("key.weak", craft(public_key=curve_info("1.2.840.10045.3.1.1"))),
    "exponent 1": ("key.bad", craft(public_key=rsa_info(odd(2048), 1))),
    "exponent 0": ("key.bad", craft(public_key=rsa_info(odd(2048), 0))),
    "exponent negative": ("key.bad", craft(public_key=rsa_info(odd(2048), -3))),
    "exponent even": ("key.bad", craft(public_key=rsa_info(odd(2048), 65536))),
    "exponent of 65 bits": ("key.bad", craft(public_key=rsa_info(odd(2048), odd(65)))),
    "modulus even": ("key.bad", craft(public_key=rsa_info(odd(2048) + 1))),
    "modulus negative": ("key.bad", craft(public_key=rsa_info(-odd(2048)))),
    "modulus zero": ("key.bad", craft(public_key=rsa_info(0))),
    "DSA": ("key.type", craft(public_key=info(oid("1.2.840.10040.4.1"), b"\2\1\5"))),
    "Diffie-Hellman": ("key.type", craft(public_key=info(oid("1.2.840.10046.2.1"), b"\2\1\5"))),
    "X25519": ("key.type", craft(public_key=X25519)),
    "P-224": ("key.type", craft(public_key=curve_info("1.3.132.0.33"))),
    "secp256k1": ("key.type", craft(public_key=curve_info("1.3.132.0.10"))),
    "unknown key": ("key.type", craft(public_key=info(oid("1.2.3.4"), b"x"))),
    "explicit curve": (
        "key.explicit-curve",
        craft(public_key=info(oid("1.2.840.10045.2.1") + nested(1), b"\4")),
    ),
    # the rest
    "serial of 21 octets": ("serial", craft(serial=encode(2, b"\1" + bytes(20)))),
    "ends before it begins": (
        "validity",
        craft(validity=times(START, (UTC_TIME, b"251231235959Z"))),
    ),
    "empty signature": ("signature.wrong", craft(signature=b"")),
    "zero signature": ("signature.wrong", craft(signature=bytes(64))),
    "self-signed, another's signature": (
        "signature.wrong",
        craft_ca(signature=bytes.fromhex("3006020101020101")),
    ),
    "self-signed with MD5, wrong": (
        "signature.wrong",
        craft_ca(algorithm=MD5_RSA, public_key=rsa_info(odd(2048)), signature=b"\1" * 256),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_certificate_is_refused_for_its_reason(case: str) -> None:
    code, der = REFUSED[case]

    for data in (der, pem(der)):
        with pytest.raises(Refused) as refusal:
            read_upload(data)

        assert refusal.value.code == code, str(refusal.value)
        assert refusal.value.sentence.endswith(".")
        assert refusal.value.sentence.isprintable()
        assert len(str(refusal.value)) < 1000
        assert refusal.value.cure


UNREADABLE = {
    "the serial number": craft(serial=encode(2, b"\0\5")),
    "the serial number: an INTEGER without a value": craft(serial=encode(2, b"")),
    "the subject: a UTF8String": craft(subject=name(b"\xff\xfe")),
    "the subject: a PrintableString": craft(subject=name("a*b", tag=PRINTABLE)),
    "the subject: a BMPString": craft(subject=name(b"abc", tag=0x1E)),
    "the issuer: a NumericString": craft(issuer=name("12a", tag=0x12)),
    "the validity: a time that does not exist": craft(
        validity=times(START, (UTC_TIME, b"300230000000Z"))
    ),
    "the validity: a time that is not written": craft(
        validity=times(START, (UTC_TIME, b"3001010000Z"))
    ),
    "YYYYMMDDhhmmssZ": craft(validity=times(START, (GENERALIZED_TIME, b"20600101000000+0100"))),
    "the public key of": craft(public_key=curve_info("1.2.840.10045.3.1.7")),
    "the extension Basic constraints": craft(extension("2.5.29.19", b"\x30\x03\1\1\0")),
    "the extension Key usage": craft(extension("2.5.29.15", b"\3\2\1\1")),
    "the extension Subject alternative name": craft(extension("2.5.29.17", b"\x30\x05\x82")),
    "the extension Extended key usage": craft(extension("2.5.29.37", b"\4\0")),
    "the certificate: a default value is written": craft(
        extension("1.2.3", b"\5\0", critical=b"\1\1\0")
    ),
    "the extensions: a BOOLEAN": craft(extension("2.5.29.15", b"\3\2\7\x80", critical=b"\1\1\1")),
    "a value in pieces": craft(
        subject=encode(0x30, encode(0x31, encode(0x30, oid("2.5.4.3") + encode(0x2C, b"\x0c\1a"))))
    ),
    "octets announced": craft(subject=encode(0x30, b"\x31\x10\x30")),
    "the parts of a certificate are not there": craft(subject=encode(4, b"x")),
    "not made of type and value": craft(
        subject=encode(0x30, encode(0x31, encode(0x30, oid("1.2"))))
    ),
}


@pytest.mark.parametrize("part", UNREADABLE)
def test_a_part_that_cannot_be_read_is_named(part: str) -> None:
    with pytest.raises(Refused) as refusal:
        read_upload(UNREADABLE[part])

    assert refusal.value.code == "parse"
    assert part.lower() in refusal.value.sentence.lower()
