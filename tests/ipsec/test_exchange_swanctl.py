"""The exported swanctl.conf, in the hands of a real swanctl and a real daemon."""

import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import vici

from ipsec.exchange.heading import KEY_PLACEHOLDER
from ipsec.exchange.swanctl import OWN_CERTIFICATE, PEER_CERTIFICATE, swanctl_conf
from ipsec.policy.definition import Definition
from tests.ipsec.charon import Charon, running
from tests.ipsec.definitions import CERTIFICATE, PINNED, WEB, mirror, of_every_choice
from tests.parts import needs

pytestmark = pytest.mark.spec("IP-7")


@pytest.fixture(scope="module")
def charon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Charon]:
    with running(tmp_path_factory.mktemp("charon")) as daemon:
        yield daemon


def load(charon: Charon, folder: Path, text: str) -> str:
    """What `swanctl --load-all` says; it must have taken everything."""
    path = folder / "ccxsec.conf"
    path.write_text(text)
    done = charon.swanctl("--load-all", "--noprompt", "--file", str(path))
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def loaded(charon: Charon) -> dict[str, dict[str, Any]]:
    """The connections that the daemon has."""
    with socket.socket(socket.AF_UNIX) as connected:
        connected.connect(str(charon.socket))
        session = vici.Session(connected)
        return {name: one[name] for one in session.list_conns() for name in one}


def test_a_daemon_takes_every_choice_of_every_field(charon: Charon, tmp_path: Path) -> None:
    ours = of_every_choice()

    said = load(charon, tmp_path, swanctl_conf(mirror(*ours.values())))

    assert f"successfully loaded {len(ours)} connections" in said
    connections = loaded(charon)
    for label, definition in ours.items():
        name = "ccxsec-" + definition.source_address.replace(".", "-")
        child = connections[name]["children"][str(definition)]
        assert child["mode"] == b"TRANSPORT", label
        assert connections[name]["version"].decode() == definition.ike_version.label, label


def test_policies_of_one_pair_are_children_of_one_connection(
    charon: Charon, tmp_path: Path
) -> None:
    load(charon, tmp_path, swanctl_conf(mirror(WEB, replace(WEB, name="-db-", group="1"))))

    (connection,) = loaded(charon).values()
    assert set(connection["children"]) == {"Cluster-1/web-a", "1/-db-"}
    child = connection["children"]["Cluster-1/web-a"]
    assert child["local-ts"] == [b"dynamic[tcp/https]"]
    assert child["remote-ts"] == [b"dynamic[tcp]"]


@pytest.mark.parametrize(
    ("source", "destination"),
    [("fd00::1", "fd00::2"), ("a.example.com", "b-1.example.com"), ("10.0.0.1", "b.example.com")],
    ids=["ipv6", "names", "mixed"],
)
def test_addresses_of_every_kind(
    charon: Charon, tmp_path: Path, source: str, destination: str
) -> None:
    ours = replace(WEB, source_address=source, destination_address=destination)

    load(charon, tmp_path, swanctl_conf(mirror(ours)))

    (connection,) = loaded(charon).values()
    assert connection["local_addrs"] == [destination.encode()]
    assert connection["remote_addrs"] == [source.encode()]


def test_no_key_is_loaded_before_a_person_puts_it_in(charon: Charon, tmp_path: Path) -> None:
    text = swanctl_conf(mirror(WEB))

    assert "missing secret in 'ike-ccxsec-10-0-0-1', ignored" in load(charon, tmp_path, text)
    completed = text.replace(f'# secret = "{KEY_PLACEHOLDER}"', 'secret = "a-key-of-the-test"')
    assert "loaded ike secret 'ike-ccxsec-10-0-0-1'" in load(charon, tmp_path, completed)


@pytest.mark.parametrize("fields", [CERTIFICATE, PINNED], ids=["same", "different"])
def test_certificates_are_found_where_the_file_says(
    charon: Charon, tmp_path: Path, fields: dict[str, Any]
) -> None:
    certificates = {"own": OWN_CERTIFICATE, "peer": PEER_CERTIFICATE}
    for folder in ("x509", "private"):
        (tmp_path / folder).mkdir()
    for name, file_name in certificates.items():
        make_certificate(name, tmp_path / "x509" / file_name, tmp_path / "private" / f"{name}.key")

    load(charon, tmp_path, swanctl_conf(mirror(replace(WEB, **fields))))

    (connection,) = loaded(charon).values()
    assert connection["local-1"]["certs"] == [b"CN=own"]
    assert connection["remote-1"].get("certs", []) == ([b"CN=peer"] if fields is PINNED else [])


def make_certificate(name: str, certificate: Path, key: Path) -> None:
    words = f"req -x509 -newkey rsa:2048 -nodes -subj /CN={name} -days 2 -keyout {key}"
    openssl = needs("openssl", "openssl")
    subprocess.run(
        [openssl, *words.split(), "-out", str(certificate)], check=True, capture_output=True
    )


@pytest.mark.parametrize(
    ("port", "expected"),
    [
        (500, []),
        (4500, ["local_port = 4500", "remote_port = 4500"]),
        (1500, ["local_port = 1500", "remote_port = 4500", "charon.port_nat_t = 1500"]),
    ],
)
def test_another_ike_port_is_said_on_both_sides(port: int, expected: list[str]) -> None:
    text = swanctl_conf(mirror(replace(WEB, remote_port=port)))

    assert [line for line in expected if line not in text] == []
    assert ("port =" in text) is (port != 500)


def test_the_file_begins_with_what_it_is_and_what_to_do() -> None:
    text = swanctl_conf(mirror(WEB))

    assert text.startswith("# swanctl.conf of strongSwan 5.9 or later, for the host 10.0.0.2.\n")
    for said in ("ccx1.example.com, 2026-01-31 09:30:00 UTC", "Cluster-1/web-a", "--load-all"):
        assert said in text.partition("connections {")[0]


def times(definition: Definition) -> list[str]:
    lines = swanctl_conf(mirror(definition)).splitlines()
    return [line.strip() for line in lines if "_time" in line]


def test_keys_are_renewed_before_their_life_ends() -> None:
    assert times(WEB) == [
        "rekey_time = 25920s",
        "over_time = 2880s",
        "rand_time = 1440s",
        "life_time = 3600s",
        "rekey_time = 3240s",
        "rand_time = 180s",
    ]
