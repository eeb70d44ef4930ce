"""Files that are refused for what they are, each with its own reason (CM-13)."""

import base64
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from certificates.x509.der import encode
from certificates.x509.reading import Refused, read_upload
from tests.certificates.crafting import KEY, craft, craft_ca, oid, pem, pkcs7

pytestmark = pytest.mark.spec("CM-13")
CERTIFICATE = craft()
PEM = pem(CERTIFICATE)
CHAIN = pkcs7([CERTIFICATE])
KEYS: dict[str, PrivateKeyTypes] = {
    "RSA": rsa.generate_private_key(65537, 2048),
    "EC": KEY,
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
    "DSA": dsa.generate_private_key(2048),
}
FORMS = {"PEM": Encoding.PEM, "DER": Encoding.DER}
SECRET: dict[str, KeySerializationEncryption] = {
    "plain": NoEncryption(),
    "encrypted": BestAvailableEncryption(b"correct horse"),
}


def refusal_of(data: bytes) -> Refused:
    with pytest.raises(Refused) as refusal:
        read_upload(data)
    return refusal.value


@pytest.fixture(scope="session")
def made(openssl: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one of each kind of file that openssl makes."""
    folder = tmp_path_factory.mktemp("kinds")
    (folder / "leaf.pem").write_bytes(PEM)
    (folder / "index").touch()
    (folder / "conf").write_text(
        "[ca]\ndefault_ca=a\n[a]\ndatabase=index\ndefault_md=sha256\ndefault_crl_days=1\n"
    )
    for command in (
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=Lab -days 30",
        "req -new -key ca.key -out csr.pem -subj /CN=Lab",
        "req -in csr.pem -outform der -out csr.der",
        "ca -gencrl -config conf -keyfile ca.key -cert ca.pem -out crl.pem",
        "crl -in crl.pem -outform der -out crl.der",
        "pkey -in ca.key -pubout -out public.pem",
        "pkey -in ca.key -pubout -outform der -out public.der",
        "pkcs12 -export -inkey ca.key -in ca.pem -out store.p12 -passout pass:x",
        "pkcs12 -export -nokeys -in ca.pem -out certificates.p12 -passout pass:x",
        "x509 -in ca.pem -trustout -addtrust serverAuth -setalias x -out trusted.pem",
        "crl2pkcs7 -nocrl -certfile ca.pem -out chain.pem",
        "crl2pkcs7 -nocrl -out empty.p7b -outform der",
        "cms -encrypt -in ca.pem -outform der -out enveloped.p7m ca.pem",
        "smime -sign -in ca.pem -signer ca.pem -inkey ca.key -nodetach -outform der -out all.p7m",
        "smime -sign -in ca.pem -signer ca.pem -inkey ca.key -outform der -out signed.p7s",
        "ecparam -name prime256v1 -out parameters.pem",
        "ecparam -name prime256v1 -outform der -out parameters.der",
    ):
        subprocess.run([openssl, *command.split()], cwd=folder, check=True, capture_output=True)
    lines = (folder / "trusted.pem").read_bytes().split(b"\n")
    (folder / "trusted.der").write_bytes(base64.b64decode(b"".join(lines[1:-2])))
    return folder


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("csr.pem", "type.csr"),
        ("csr.der", "type.csr"),
        ("crl.pem", "type.crl"),
        ("crl.der", "type.crl"),
        ("public.pem", "type.public-key"),
        ("public.der", "type.public-key"),
        ("store.p12", "type.pkcs12"),
        ("certificates.p12", "type.pkcs12"),
        ("trusted.pem", "type.trusted"),
        ("trusted.der", "type.trusted"),
        ("chain.pem", "type.pkcs7-pem"),
        ("empty.p7b", "bundle.empty"),
        ("enveloped.p7m", "bundle.content"),
        ("all.p7m", "bundle.content"),
        ("signed.p7s", "bundle.content"),
        ("parameters.pem", "type.other"),
        ("parameters.der", "type.other"),
    ],
)
def test_another_kind_of_file_is_named(made: Path, file: str, code: str) -> None:
    assert refusal_of((made / file).read_bytes()).code == code


@pytest.mark.parametrize("label", ["PKCS7", "CMS", "PKCS #7 SIGNED DATA", "CERTIFICATE"])
def test_pkcs7_in_pem_is_refused_with_the_command_that_converts_it(label: str) -> None:
    refused = refusal_of(pem(CHAIN, label))

    assert refused.code == "type.pkcs7-pem"
    assert "openssl pkcs7 -in FILE -outform der -out FILE.p7b" in refused.cure


@pytest.mark.parametrize("count", [2, 3, 300])
def test_several_certificates_in_one_pem_are_counted(count: int) -> None:
    refused = refusal_of(PEM * count)

    assert refused.code == "pem.several"
    assert f"contains {count} certificates" in refused.sentence


def key_files() -> dict[str, bytes]:
    found = {}
    for kind, key in KEYS.items():
        for how, secret in SECRET.items():
            for form, encoding in FORMS.items():
                made = key.private_bytes(encoding, PrivateFormat.PKCS8, secret)
                found[f"{kind} PKCS#8 {how} {form}"] = made
    for kind in ("RSA", "EC", "DSA"):
        for form, encoding in FORMS.items():
            made = KEYS[kind].private_bytes(
                encoding, PrivateFormat.TraditionalOpenSSL, NoEncryption()
            )
            found[f"{kind} traditional {form}"] = made
    openssh = KEYS["Ed25519"].private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    return found | {
        "OpenSSH": openssh,
        "OpenSSH binary": base64.b64decode(b"".join(openssh.split(b"\n")[1:-2])),
        "PuTTY": b"PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n",
        "OpenPGP": b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQ==\n",
        "SSH2": b"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nx\n",
    }


@pytest.mark.parametrize("kind", key_files())
def test_a_private_key_alone_is_never_kept(kind: str) -> None:
    assert refusal_of(key_files()[kind]).code == "key.included"


PKCS8_PEM = KEYS["RSA"].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
PKCS8_DER = KEYS["RSA"].private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
BODY = b"".join(PKCS8_PEM.split(b"\n")[1:-2])


@pytest.mark.parametrize(
    "data",
    [
        PEM + PKCS8_PEM,
        PKCS8_PEM + PEM,
        PEM + PEM + PKCS8_PEM,
        pem(PKCS8_DER),
        pem(PKCS8_DER, "PUBLIC KEY"),
        CERTIFICATE + PKCS8_DER,
        CERTIFICATE + PKCS8_PEM,
        CHAIN + PKCS8_PEM,
        PEM + BODY,
        BODY,
        base64.b64encode(PKCS8_PEM),
        PKCS8_PEM.decode().encode("utf-16"),
        PKCS8_PEM.decode().encode("utf-16-be"),
        PEM + PKCS8_PEM[:200],
        PEM + PKCS8_PEM.split(b"\n", 5)[-1],
        PEM + PKCS8_PEM.lower(),
    ],
    ids=[
        "behind",
        "before",
        "behind two",
        "labelled as certificate",
        "labelled as public key",
        "DER behind DER",
        "PEM behind DER",
        "PEM behind a chain",
        "without boundaries behind",
        "without boundaries",
        "base64 of PEM",
        "UTF-16",
        "UTF-16 without mark",
        "cut",
        "its end only",
        "in small letters",
    ],
)
def test_a_private_key_is_found_anywhere_and_nothing_of_it_comes_out(data: bytes) -> None:
    refused = refusal_of(data)

    told = f"{refused!r} {refused} {refused.__cause__!r} {refused.__context__!r}"
    assert refused.code == "key.included"
    assert "Nothing of it was kept" in refused.sentence
    assert "exposed" in refused.cure
    assert BODY[40:60].decode() not in told
    assert PKCS8_DER[40:60].hex() not in told


@pytest.mark.parametrize(
    ("data", "looks_like"),
    [
        (b" \n\t\r\n", "blank lines"),
        (b"\xef\xbb\xbf", "blank lines"),
        (b"<!DOCTYPE html><html><body>Login</body></html>", "a web page (HTML)"),
        (b"\n <html lang=en>", "a web page (HTML)"),
        (b"<?xml version='1.0'?><a/>", "XML"),
        (b'{"certificate": "none"}', "JSON"),
        (PEM.decode().encode("utf-16"), "text in UTF-16"),
        (PEM.decode().encode("utf-16-be"), "text in UTF-16"),
        (b"".join(PEM.split(b"\n")[1:-2]), "the base64 of a certificate"),
        (base64.b64encode(PEM), "encoded as base64 once more"),
        (PEM.replace(b"-----", b"----"), "BEGIN or END line is damaged"),
        (b"ccx1.example.com\n", "plain text"),
        ("Zoë schrieb: nein\n".encode(), "plain text"),
        (b"0 is a digit, and the octet of a SEQUENCE", "plain text"),
        (b"PK\x03\x04\x14\0", "a ZIP archive"),
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n", "an image (PNG)"),
    ],
)
def test_text_and_other_files_are_told_by_their_looks(data: bytes, looks_like: str) -> None:
    refused = refusal_of(data)

    assert refused.code == "upload.text"
    assert looks_like in refused.sentence


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "upload.empty"),
        (CERTIFICATE + bytes(1024 * 1024), "upload.size"),
        (b"\n" * (4 * 1024 * 1024 + 1), "upload.size"),
        (CHAIN + bytes(4 * 1024 * 1024), "upload.size"),
        (b"\n" * 40_000, "upload.size"),
        (b"\r" * 40_000, "upload.size"),
        (b"x\r\n" * 40_000, "upload.size"),
        (b"-" * 100_000, "upload.size"),
        (b" " * 100_000 + PEM, "upload.size"),
        (PEM.replace(b"CERTIFICATE", b"certificate"), "type.other"),
        (pem(CERTIFICATE, "ATTRIBUTE CERTIFICATE"), "type.other"),
        (pem(CERTIFICATE, "X509 CRL"), "type.crl"),
        (pem(CERTIFICATE, "NEW CERTIFICATE REQUEST"), "type.csr"),
        (pem(b"x", "PKCS12"), "type.pkcs12"),
        (PEM + pem(b"x", "DH PARAMETERS"), "type.other"),
        (b"\xfe\xed\xfe\xed\0\0\0\2", "type.other"),
        (b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== me\n", "type.public-key"),
        (encode(0x30, b"\x02\x01\x01\x02\x01\x03"), "type.public-key"),
        (pkcs7([]), "bundle.empty"),
        (pkcs7([CERTIFICATE] * 201), "bundle.count"),
        (pkcs7([CERTIFICATE], content=encode(0xA0, encode(4, b"hello"))), "bundle.content"),
        (pkcs7([encode(0xA1, b"\x30\x00")]), "bundle.content"),
        (CHAIN.replace(oid("1.2.840.113549.1.7.1"), oid("1.2.840.113549.1.7.2")), "bundle.content"),
        (CHAIN.replace(oid("1.2.840.113549.1.7.2"), oid("1.2.840.113549.1.7.3")), "bundle.content"),
        (CHAIN.replace(oid("1.2.840.113549.1.7.2"), oid("1.2.840.113549.1.7.1")), "bundle.content"),
    ],
)
def test_files_are_refused_by_size_label_and_content(data: bytes, code: str) -> None:
    assert refusal_of(data).code == code


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (PEM.replace(b"-----END CERTIFICATE-----", b""), "-----BEGIN CERTIFICATE----- has no"),
        (PEM.replace(b"-----BEGIN CERTIFICATE-----", b""), "-----END CERTIFICATE----- has no"),
        (PEM.replace(b"END CERT", b"END X509 CERT"), "has no partner"),
        (PEM[:70] + b"!" + PEM[71:], "Line 2 of the file is not base64"),
        (PEM[:120] + b"\0" + PEM[121:], "is not base64"),
        (PEM[:70] + PEM[71:], "base64"),
        (PEM.replace(b"\n", b"\\n"), "not base64"),
        (CERTIFICATE + b"\0", "1 octets stand behind the end"),
        (CERTIFICATE + CERTIFICATE, "stand behind the end"),
        (CHAIN + b"\0", "PKCS#7"),
        (pem(CERTIFICATE + b"\0"), "stand behind the end"),
        (CERTIFICATE[:-1], "octets announced"),
        (CERTIFICATE[:100], "octets announced"),
        (b"\x30\x80" + CERTIFICATE[4:] + b"\0\0", "indefinite"),
        (b"\x30\x83\0" + CERTIFICATE[2:], "shortest form"),
        (b"\x30\x80" + CHAIN[4:] + b"\0\0", "indefinite"),
        (encode(0x30, b""), "not made of three parts"),
        (bytes(100), "begins with octet 0x00"),
        (b"\x1f\x8c" + bytes(range(100)), "begins with octet 0x1f"),
    ],
    ids=range(19),  # the octets are of a new key each time
)
def test_what_is_damaged_is_named(data: bytes, says: str) -> None:
    refused = refusal_of(data)

    assert refused.code == "parse"
    assert says in refused.sentence


def test_a_pkcs7_in_ber_names_the_command_that_rewrites_it() -> None:
    refused = refusal_of(b"\x30\x80" + CHAIN[4:] + b"\0\0")

    assert "openssl pkcs7 -inform der" in refused.cure


@pytest.mark.parametrize("data", [b"", PEM + PKCS8_PEM, pkcs7([]), PEM * 2, CERTIFICATE[:-1]])
def test_every_refusal_has_a_sentence_and_a_cure(data: bytes) -> None:
    refused = refusal_of(data)

    assert refused.sentence.endswith(".")
    assert refused.cure
    assert len(str(refused)) < 1000


def test_one_bad_certificate_refuses_the_chain() -> None:
    refused = refusal_of(pkcs7([craft_ca(), craft(serial=encode(2, bytes(2)))]))

    assert refused.code == "parse"
    assert "serial number" in refused.sentence


def test_public_keys_of_all_kinds_are_told_from_private_ones() -> None:
    kinds = (Encoding.PEM, Encoding.DER)
    public = [
        key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)
        for key in (KEYS["RSA"], KEYS["EC"], KEYS["DSA"], ec.generate_private_key(ec.SECP384R1()))
        for encoding in kinds
    ]

    assert {refusal_of(data).code for data in public} == {"type.public-key"}
