"""What is ours in the shared directory is told by its name, and by nothing else."""

import subprocess
from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bulk.exchange.identity import key_fingerprint
from bulk.exchange.names import (
    HIGHEST_NUMBER,
    ConsolidatedName,
    ExportName,
    LockName,
    Name,
    PartName,
    consolidated_name,
    export_name,
    is_cluster_id,
    lock_name,
    part_name,
    read_name,
)
from tests.parts import needs

pytestmark = pytest.mark.spec("BK-5")
ID = "0b6f1c2e-8d3a-4f5b-9c7d-1e2f3a4b5c6d"
NAMES: list[tuple[str, Name]] = [
    (f"ccxsec.tomcat.{ID}.000001.tar.gz", ExportName("tomcat", ID, 1)),
    (f"ccxsec.ipsec.{ID}.1234567.tar.gz", ExportName("ipsec", ID, 1234567)),
    ("ccxsec.consolidated.000042.tar", ConsolidatedName(42)),
    (f".ccxsec.part.{ID}.0123456789abcdef", PartName(ID, "0123456789abcdef")),
    (".ccxsec.lock.999999999999", LockName(HIGHEST_NUMBER)),
    (".ccxsec.lock.000000", LockName(0)),
]


@pytest.mark.parametrize(("text", "name"), NAMES)
def test_a_name_is_read_as_it_is_written(text: str, name: Name) -> None:
    match name:
        case ExportName(service, cluster_id, number):
            written = export_name(service, cluster_id, number)
        case ConsolidatedName(number):
            written = consolidated_name(number)
        case PartName(cluster_id, token):
            written = part_name(cluster_id, token)
        case LockName(number):
            written = lock_name(number)

    assert written == text
    assert read_name(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ccxsec",
        "notes.txt",
        f"ccxsec.capf.{ID}.000001.tar.gz",
        f"ccxsec.tomcat.{ID.upper()}.000001.tar.gz",
        f"ccxsec.tomcat.{ID}.00001.tar.gz",
        f"ccxsec.tomcat.{ID}.0000001.tar.gz",
        f"ccxsec.tomcat.{ID}.1000000000000.tar.gz",
        f"ccxsec.tomcat.{ID}.-00001.tar.gz",
        f"ccxsec.tomcat.{ID}.00000\u0661.tar.gz",
        f"ccxsec.tomcat.{ID}.000001.tar.gz\n",
        f"../ccxsec.tomcat.{ID}.000001.tar.gz",
        f"ccxsec.tomcat.{ID}.000001.tar.gz\0",
        f"ccxsec.tomcat.{ID.replace('-', '')}.000001.tar.gz",
        "ccxsec.consolidated.42.tar",
        "ccxsec.consolidated.000042.tar.gz",
        f"ccxsec.part.{ID}.0123456789abcdef",
        f".ccxsec.part.{ID}.0123456789ABCDEF",
        f".ccxsec.part.{ID}.0123456789abcde",
        ".ccxsec.lock.1",
        "ccxsec.lock.000001",
        ".ccxsec.lock." + "9" * 5000,
        "\ud800",
    ],
    ids=ascii,
)
def test_what_is_written_otherwise_is_not_ours(text: str) -> None:
    assert read_name(text) is None


@pytest.mark.parametrize("number", [-1, HIGHEST_NUMBER + 1])
def test_a_number_that_no_name_holds_is_not_written(number: int) -> None:
    for write in (consolidated_name, lock_name):
        with pytest.raises(ValueError, match="read back"):
            write(number)
    with pytest.raises(ValueError, match="read back"):
        export_name("tomcat", ID, number)


def test_a_cluster_id_is_a_uuid_in_lower_case() -> None:
    assert is_cluster_id(ID)
    assert not any(map(is_cluster_id, (ID.upper(), ID[:-1], f"{ID}\n", "")))


def test_a_fingerprint_is_what_openssl_makes_of_the_key() -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    openssl = needs("openssl", "openssl")
    der = subprocess.run(
        [openssl, "pkey", "-pubin", "-outform", "der"], input=pem, capture_output=True, check=True
    ).stdout
    digest = subprocess.run(
        [openssl, "dgst", "-sha256", "-binary"], input=der, capture_output=True, check=True
    ).stdout

    assert key_fingerprint(key) == f"SHA256:{b64encode(digest).decode().rstrip('=')}"
