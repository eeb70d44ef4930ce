"""Certificates come out of every PKCS#12 that systems write, and keys out of none."""

import hashlib
import hmac
import subprocess
from pathlib import Path
from random import Random

import pytest
from cryptography import x509
from cryptography.hazmat.decrepit.ciphers.algorithms import RC2
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.serialization import Encoding

from bulk.exchange import rc2
from bulk.exchange.pkcs12 import certificates_of_pkcs12
from certificates.refusal import Refused
from certificates.x509.bundles import key_store, trust_store
from tests.bulk.archives import certificate, key
from tests.bulk.key_stores import (
    PASSPHRASE,
    KeyStores,
    as_ber,
    certificate_bag,
    number,
    octets,
    oid,
    pfx,
    plain_safe,
    sequence,
)
from tests.parts import needs

pytestmark = pytest.mark.spec("BK-4")
OF_OPENSSL = [
    [],
    ["-nokeys"],
    ["-legacy"],
    ["-legacy", "-nokeys"],
    ["-certpbe", "PBE-SHA1-3DES", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1"],
    ["-certpbe", "PBE-SHA1-2DES", "-keypbe", "PBE-SHA1-2DES"],
    ["-legacy", "-certpbe", "PBE-SHA1-RC2-128"],
    ["-certpbe", "AES-128-CBC", "-macalg", "sha512"],
    ["-certpbe", "AES-192-CBC", "-macalg", "sha384"],
    ["-certpbe", "DES-EDE3-CBC", "-macalg", "sha224"],
    ["-noiter", "-nomaciter"],
    ["-iter", "100000"],
    ["-nomac"],
    ["-nomac", "-certpbe", "AES-256-CBC"],
    ["-nomac", "-certpbe", "NONE"],
    ["-certpbe", "NONE", "-keypbe", "NONE"],
    ["-name", "Łódź", "-CSP", "Microsoft"],
]


@pytest.fixture(scope="session")
def stores(tmp_path_factory: pytest.TempPathFactory) -> KeyStores:
    return KeyStores(tmp_path_factory.mktemp("stores"))


@pytest.mark.parametrize("options", OF_OPENSSL, ids=" ".join)
def test_what_openssl_writes_is_read(stores: KeyStores, options: list[str]) -> None:
    data = stores.export("-certfile", "issuers.pem", *options)

    assert certificates_of_pkcs12(data, PASSPHRASE) == [stores.der(n) for n in stores.names]


@pytest.mark.parametrize(
    "passphrase", ["", "x", "Grüße", "\u96ea\u2603", "\U0001f511 key", "x" * 64], ids=ascii
)
@pytest.mark.parametrize("options", [[], ["-legacy"]], ids=["modern", "legacy"])
def test_any_pass_phrase_opens_it(stores: KeyStores, options: list[str], passphrase: str) -> None:
    data = stores.export(*options, passphrase=passphrase)

    assert certificates_of_pkcs12(data, passphrase) == [stores.der("own")]


@pytest.mark.parametrize("options", OF_OPENSSL, ids=" ".join)
def test_what_is_written_as_ber_is_read(stores: KeyStores, options: list[str]) -> None:
    data = as_ber(stores.export("-certfile", "issuers.pem", *options))

    assert certificates_of_pkcs12(data, PASSPHRASE) == [stores.der(n) for n in stores.names]


def test_a_certificate_that_stands_twice_comes_once(stores: KeyStores) -> None:
    data = stores.export("-certfile", "own.pem")

    assert certificates_of_pkcs12(data, PASSPHRASE) == [stores.der("own")]


def test_many_certificates_are_read(stores: KeyStores) -> None:
    many = b"".join((stores.folder / f"{n}.pem").read_bytes() for n in stores.names) * 300
    (stores.folder / "many.pem").write_bytes(many)

    data = stores.export("-nokeys", "-certfile", "many.pem")

    assert len(data) > 300_000
    assert len(certificates_of_pkcs12(data, PASSPHRASE)) == 3


def test_what_the_product_itself_writes_is_read(stores: KeyStores) -> None:
    own = certificate(key("ec-p256")).public_bytes(Encoding.DER)
    sub, root = stores.der("sub"), stores.der("root")
    password = PASSPHRASE.encode()

    with_key = key_store("own", key("ec-p256"), [own, sub], password)
    trusted = trust_store([("a", sub), ("b", root)], password)

    assert certificates_of_pkcs12(with_key, PASSPHRASE) == [own, sub]
    assert certificates_of_pkcs12(trusted, PASSPHRASE) == [sub, root]


def test_a_file_with_the_newer_code_over_it_is_read(stores: KeyStores) -> None:
    """PBMAC1 (RFC 9579), made by hand."""
    safe, salt = plain_safe(certificate_bag(stores.der("own"))), b"saltsalt"
    secret = hashlib.pbkdf2_hmac("sha256", PASSPHRASE.encode(), salt, 1000, 32)
    code = hmac.digest(secret, sequence(safe), "sha256")
    function = sequence(oid("2a864886f70d0209"), b"\x05\0")
    derivation = sequence(octets(salt), number(1000), number(32), function)
    scheme = sequence(sequence(oid("2a864886f70d01050c"), derivation), function)
    info = sequence(sequence(oid("2a864886f70d01050e"), scheme), octets(code))
    data = pfx(safe, mac=sequence(info, octets(b"unused"), number(1)))

    assert certificates_of_pkcs12(data, PASSPHRASE) == [stores.der("own")]
    with pytest.raises(Refused) as refusal:
        certificates_of_pkcs12(data, "wrong")
    assert refusal.value.code == "pkcs12.passphrase"


@pytest.mark.parametrize("kind", [[], ["-J-Dkeystore.pkcs12.legacy"]], ids=["modern", "legacy"])
def test_what_java_writes_is_read(stores: KeyStores, tmp_path: Path, kind: list[str]) -> None:
    keytool = needs("keytool", "default-jre-headless")
    store = ["-keystore", str(tmp_path / "store.p12"), "-storetype", "PKCS12"]
    password = ["-storepass:file", str(tmp_path / "password")]
    (tmp_path / "password").write_text(PASSPHRASE)
    make = ["-genkeypair", "-alias", "own", "-keyalg", "EC", "-dname", "CN=java"]
    add = ["-importcert", "-noprompt", "-alias", "root", "-file", str(stores.folder / "root.pem")]
    for command in (make, add):
        subprocess.run(
            [keytool, *kind, *command, *store, *password], check=True, capture_output=True
        )

    found = certificates_of_pkcs12((tmp_path / "store.p12").read_bytes(), PASSPHRASE)

    names = {x509.load_der_x509_certificate(der).subject.rfc4514_string() for der in found}
    assert names == {"CN=java", "CN=root"}


@pytest.mark.parametrize(
    ("secret", "bits", "plain", "cipher"),
    [
        ("0000000000000000", 63, "0000000000000000", "ebb773f993278eff"),
        ("ffffffffffffffff", 64, "ffffffffffffffff", "278b27e42e2f0d49"),
        ("88", 64, "0000000000000000", "61a8a244adacccf0"),
        ("88bca90e90875a", 64, "0000000000000000", "6ccf4308974c267f"),
    ],
)
def test_rc2_gives_what_its_rfc_says(secret: str, bits: int, plain: str, cipher: str) -> None:
    data = bytes.fromhex(cipher)

    found = rc2.decrypt_cbc(bytes.fromhex(secret), bytes(8), data, effective_bits=bits)

    assert found.hex() == plain


def test_rc2_of_128_bits_is_that_of_the_library() -> None:
    random = Random(2)
    secret, iv, data = (random.randbytes(size) for size in (16, 8, 800))
    decryptor = Cipher(RC2(secret), modes.CBC(iv)).decryptor()

    found = rc2.decrypt_cbc(secret, iv, data, effective_bits=128)

    assert found == decryptor.update(data) + decryptor.finalize()
