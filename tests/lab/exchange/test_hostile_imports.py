"""What a cluster that is believed may export is judged one by one, and harms nobody (BK-4)."""

import subprocess
from collections import Counter
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from bulk.exchange.identity import key_fingerprint
from bulk.exchange.names import ExportName, read_name
from certificates.refusal import Refused
from certificates.x509.signing import Signer
from certificates.x509.visible import visible
from tests.hostile import TEXTS, everywhere
from tests.lab import racing
from tests.lab.authority import Authority
from tests.lab.exchange import acts, installing
from tests.lab.exchange.clusters import Cluster, Exchange
from tests.lab.exchange.forging import STRANGER, forged, many, self_signed, signers_of
from tests.lab.violations import violations

pytestmark = pytest.mark.spec("BK-4")
THIRD = "7d1f9f0a-52f1-4f51-8c3e-3f1b7a6a2c11"


def pem(made: x509.Certificate) -> bytes:
    return made.public_bytes(Encoding.PEM)


def publish(pair: Exchange, cluster: Cluster, pems: list[bytes], number: int = 100) -> None:
    """The cluster exports just these certificates, as it may."""
    remove(pair, cluster.identity["id"])
    pair.put(*forged(cluster.identity["id"], signers_of(cluster), pems, number=number))
    cluster.do("consolidate")


def publish_third(pair: Exchange, pems: list[bytes], number: int = 1) -> None:
    """A third cluster, which is only its key."""
    remove(pair, THIRD)
    signer = Signer("tomcat", self_signed(STRANGER, "graz.example"), STRANGER)
    pair.put(*forged(THIRD, [signer], pems, number=number, name="Graz", nodes=("graz.example",)))
    pair.clusters["oslo"].do("consolidate")


def remove(pair: Exchange, cluster_id: str) -> None:
    for name in pair.files:
        read = read_name(name)
        if (
            isinstance(read, ExportName)
            and read.cluster_id == cluster_id
            and read.service == "tomcat"
        ):
            (pair.directory / name).unlink()


def verdicts(plan: dict[str, Any]) -> dict[str, int]:
    """How many of each for tomcat-trust."""
    items = [item for item in plan["items"] if item["purpose"] == "tomcat-trust"]
    return dict(Counter(item["verdict"] for item in items))


def test_texts_that_do_harm_elsewhere_are_text(
    vienna: Cluster, oslo: Cluster, pair: Exchange
) -> None:
    hostile = [x509.load_der_x509_certificate(everywhere(text)) for text in TEXTS.values()]
    publish(pair, oslo, [pem(one) for one in hostile])

    plan = vienna.look()
    said = vienna.import_(remove=True)

    assert plan["refused"] == []
    for item in plan["items"]:
        assert item["name"] == visible(item["name"])
        assert item["reason"] == visible(item["reason"])
    assert verdicts(plan)["gone"] == 1
    assert "certificates added, 1 removed" in said
    assert vienna.ask(violations, True) == []
    listed = ["openssl", "storeutl", "-noout", "-certs", str(vienna.store("tomcat") / "trust.pem")]
    assert subprocess.run(listed, capture_output=True, check=False).returncode == 0


SECRET = ec.generate_private_key(ec.SECP256R1())
PACKED = pkcs12.serialize_key_and_certificates(
    b"x", SECRET, self_signed(SECRET, "b.example"), None, BestAvailableEncryption(b"secret")
)
PLAIN = SECRET.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    "item",
    [
        pytest.param(PLAIN, id="key"),
        pytest.param(pem(self_signed(SECRET, "a.example")) + PLAIN, id="certificate and key"),
        pytest.param(PACKED, id="pkcs12"),
        pytest.param(
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", id="broken"
        ),
    ],
)
def test_a_key_is_never_taken_and_stops_no_certificate(
    item: bytes, vienna: Cluster, oslo: Cluster, pair: Exchange
) -> None:
    publish(pair, oslo, [item, *many(2)])

    plan = vienna.look()
    vienna.import_()

    assert verdicts(plan) == {"refused": 1, "new": 2, "gone": 1}
    assert len(vienna.held()) == 3
    assert PLAIN.split(b"\n")[1] not in (vienna.data / "ccxsec.sqlite3").read_bytes()


def test_a_certificate_of_two_clusters_is_gone_once_neither_has_it(
    vienna: Cluster, oslo: Cluster, pair: Exchange
) -> None:
    shared, other = many(2)
    publish(pair, oslo, [shared])
    publish_third(pair, [shared])
    vienna.do("survey")
    assert vienna.ask(acts.confirm, THIRD, key_fingerprint(STRANGER.public_key())) == ""
    first = vienna.look()
    vienna.import_(remove=True)
    vienna.look()
    vienna.import_()
    told = [row["from"] for row in vienna.ask(acts.trusted, "tomcat-trust")]
    publish(pair, oslo, [other], number=101)
    without_one = vienna.look()
    vienna.import_(remove=True)
    publish_third(pair, [other], number=2)
    without_both = vienna.look()  # Oslo's claim ended with the import before
    vienna.import_(remove=True)

    assert verdicts(first) == {"new": 1, "present": 1, "gone": 1}
    assert told == [["Graz", "ccx1.oslo.example"]]
    assert "gone" not in verdicts(without_one)
    assert verdicts(without_both)["gone"] == 1
    assert [row["name"] for row in vienna.ask(acts.trusted, "tomcat-trust")] == ["server1.example"]


def test_what_an_operator_uploaded_is_never_offered_for_removal(
    vienna: Cluster, oslo: Cluster, pair: Exchange
) -> None:
    uploaded, other = many(2)
    der = x509.load_pem_x509_certificate(uploaded).public_bytes(Encoding.DER)
    vienna.ask(racing.bring_in, der.hex())
    publish(pair, oslo, [uploaded])
    first = vienna.look()
    vienna.import_(remove=True)
    publish(pair, oslo, [other], number=101)
    later = vienna.look()
    vienna.import_(remove=True)

    assert verdicts(first) == {"present": 1, "gone": 1}
    assert verdicts(later) == {"new": 1}
    names = {row["name"] for row in vienna.ask(acts.trusted, "tomcat-trust")}
    assert names == {"server0.example", "server1.example"}


def test_what_a_path_of_this_cluster_needs_is_kept_with_the_reason(
    vienna: Cluster, oslo: Cluster, pair: Exchange
) -> None:
    authority = Authority()
    publish(pair, oslo, [pem(authority.root), pem(authority.issuing), *many(1)])
    vienna.look()
    vienna.import_(remove=True)
    vienna.ask(installing.have_tomcat_certified_by, *authority_as_words(authority, vienna))
    publish(pair, oslo, many(1), number=101)

    plan = vienna.look()
    said = vienna.import_(remove=True)

    assert verdicts(plan) == {"present": 1, "gone": 2}
    assert "Not removed: Chain issuing" in said
    assert "which the tomcat certificate of ccx1.vienna.example needs" in said
    assert vienna.ask(violations, True) == []


def authority_as_words(authority: Authority, cluster: Cluster) -> list[str]:
    """The answer to the cluster's request, alone: its issuers are in the store already."""
    request = cluster.ask(installing.new_tomcat_request)
    return [pem(authority.certify(request)).decode()]


def test_a_hundred_nodes_with_long_names_are_told_and_more_are_refused(
    vienna: Cluster, oslo: Cluster, pair: Exchange
) -> None:
    nodes = tuple(f"{'n' * 60}.{'o' * 60}.{'d' * 60}.{'e' * 50}.{n}.example" for n in range(100))
    identity = oslo.identity["id"]
    remove(pair, identity)
    pair.put(*forged(identity, signers_of(oslo), many(1), number=100, nodes=nodes))
    oslo.do("consolidate")

    vienna.look()
    vienna.import_()

    assert len(vienna.held()) == 2
    with pytest.raises(Refused, match="nodes"):
        forged(identity, signers_of(oslo), many(1), nodes=nodes * 5)


MANY = 1500


def test_more_than_an_operator_would_delete_at_once_is_not_removed(
    vienna: Cluster, oslo: Cluster, pair: Exchange
) -> None:
    publish(pair, oslo, many(MANY))
    plan = vienna.look()
    vienna.import_(remove=True)
    trusted = (vienna.store("tomcat") / "trust.pem").read_bytes()
    publish(pair, oslo, many(MANY)[:10], number=101)
    vienna.look()
    refused = vienna.ask(acts.import_, True)

    assert verdicts(plan) == {"new": MANY, "gone": 1}
    assert trusted.count(b"BEGIN CERTIFICATE") == MANY
    assert refused["state"] == "failed"
    assert "more than 500 at once" in refused["said"][-1]
    assert len(vienna.held()) == MANY
    assert "Nothing was to be changed" in vienna.import_()


def test_two_cas_with_one_key_do_not_both_go(
    vienna: Cluster, oslo: Cluster, pair: Exchange
) -> None:
    """Each alone could be spared, as the other ends the path."""
    authority = Authority()
    again = authority.issue_again()
    publish(pair, oslo, [pem(authority.issuing), pem(again), *many(1)])
    vienna.look()
    vienna.import_(remove=True)
    vienna.ask(installing.have_tomcat_certified_by, *authority_as_words(authority, vienna))
    publish(pair, oslo, many(1), number=101)

    assert verdicts(vienna.look()) == {"present": 1, "gone": 2}
    said = vienna.import_(remove=True)

    assert "1 removed" in said
    assert "which the tomcat certificate of ccx1.vienna.example needs" in said
    assert vienna.ask(violations, True) == []
