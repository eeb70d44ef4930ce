"""Renewed certificates, replaced keys, and exports of somebody else in a cluster's name (BK-4)."""

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from bulk.exchange.names import HIGHEST_NUMBER
from certificates.x509.signing import Signer
from tests.lab.exchange import acts, installing
from tests.lab.exchange.clusters import Cluster, Exchange, publish
from tests.lab.exchange.directory import exports_of
from tests.lab.exchange.forging import STRANGER, forged, self_signed
from tests.lab.exchange.tls import openssl_trusts, python_trusts
from tests.lab.tls_servers import serving

pytestmark = pytest.mark.spec("BK-4")
OSLO = "ccx1.oslo.example"


def tomcat_of(cluster: Cluster) -> str:
    """SHA-256 of the certificate in force, lower-case hexadecimal."""
    pem = (cluster.store("tomcat") / "cert.pem").read_bytes()
    return x509.load_pem_x509_certificate(pem).fingerprint(SHA256()).hex()


def verdicts(plan: dict[str, Any], purpose: str = "tomcat-trust") -> list[str]:
    return sorted(item["verdict"] for item in plan["items"] if item["purpose"] == purpose)


def strangers(cluster_id: str, number: int = 1000) -> tuple[str, bytes]:
    """An export in a cluster's name, signed by somebody else for both services."""
    signed = self_signed(STRANGER, OSLO)
    signers = [Signer(service, signed, STRANGER) for service in ("ipsec", "tomcat")]
    return forged(cluster_id, signers, [signed.public_bytes(Encoding.PEM)], number=number)


def test_a_renewed_certificate_takes_the_place_of_the_former(
    vienna: Cluster, oslo: Cluster, tmp_path: Path
) -> None:
    before = tomcat_of(oslo)
    oslo.ask(installing.renew, "tomcat")
    after = tomcat_of(oslo)
    publish(oslo)

    plan = vienna.look()  # nobody has confirmed the new key: that of ipsec vouches for it
    said = vienna.import_(remove=True)

    assert plan["refused"] == []
    assert verdicts(plan) == ["gone", "renewed"]
    assert "1 certificate added, 1 removed" in said
    assert vienna.held() == {after}
    assert before != after
    store = oslo.store("tomcat")
    chain, key = ((store / name).read_bytes() for name in ("fullchain.pem", "key.pem"))
    with serving(chain, key, tmp_path) as port:
        for trusts in (python_trusts, openssl_trusts):
            assert trusts(port, OSLO, vienna.store("tomcat") / "trust.pem")


def test_without_the_removal_both_are_trusted_until_the_next_import_offers_it_again(
    vienna: Cluster, oslo: Cluster
) -> None:
    before = tomcat_of(oslo)
    oslo.ask(installing.renew, "tomcat")
    publish(oslo)

    vienna.look()
    vienna.import_()
    held = vienna.held()
    plan = vienna.look()
    vienna.import_(remove=True)

    assert held == {before, tomcat_of(oslo)}
    assert verdicts(plan) == ["gone", "present"]
    assert vienna.held() == {tomcat_of(oslo)}


def test_one_key_after_the_other_is_followed_without_a_confirmation(
    vienna: Cluster, oslo: Cluster
) -> None:
    for purpose in ("tomcat", "ipsec", "tomcat"):
        oslo.ask(installing.renew, purpose)
        publish(oslo)
        assert vienna.look()["refused"] == []
        vienna.import_(remove=True)

    assert vienna.held() == {tomcat_of(oslo)}


def test_when_both_keys_are_others_somebody_must_confirm_them(
    vienna: Cluster, oslo: Cluster
) -> None:
    held = vienna.held()
    oslo.ask(installing.renew, "tomcat", "ipsec")
    publish(oslo)

    plan = vienna.look()
    vienna.import_(remove=True)

    assert len(plan["refused"]) == 2
    assert all("not signed by a key of ccx1.oslo.example that was" in r for r in plan["refused"])
    assert plan["items"] == []  # what it has no longer is not asked of a stranger's export either
    assert vienna.held() == held
    assert vienna.ask(acts.page)["unconfirmed"] == [oslo.identity["id"]]
    assert vienna.confirm(oslo) == ""
    assert vienna.look()["refused"] == []
    vienna.import_(remove=True)
    assert vienna.held() == {tomcat_of(oslo)}


def test_an_old_export_that_is_put_back_is_refused(
    vienna: Cluster, oslo: Cluster, pair: Exchange
) -> None:
    old = exports_of(pair.files, oslo.identity["id"])
    oslo.ask(installing.renew, "tomcat")
    publish(oslo)
    vienna.look()
    vienna.import_(remove=True)
    for name in exports_of(pair.files, oslo.identity["id"]):
        (pair.directory / name).unlink()
    for name, content in old.items():
        pair.put(name, content)
    vienna.do("consolidate")

    plan = vienna.look()

    assert len(plan["refused"]) == 2
    assert all("It is older (number 1)" in sentence for sentence in plan["refused"])
    assert plan["items"] == []


@pytest.mark.parametrize("consolidates", ["vienna", "oslo"])
def test_a_stranger_under_a_clusters_id_is_not_imported_and_hides_nothing(
    consolidates: str, vienna: Cluster, oslo: Cluster, pair: Exchange
) -> None:
    pair.put(*strangers(oslo.identity["id"]))
    oslo.ask(installing.renew, "tomcat")
    pair.clusters[consolidates].do("consolidate")

    before = vienna.look()
    publish(oslo)
    after = vienna.look()

    assert verdicts(before) == ["present"]
    assert len(before["refused"]) == 1
    assert "not signed by a key of ccx1.oslo.example" in before["refused"][0]
    assert verdicts(after) == ["gone", "renewed"]
    notes = [row for row in oslo.ask(acts.page)["rows"] if row[1] == "foreign"]
    assert not notes  # a newer export of its own has taken its place


def test_a_stranger_hides_nothing_from_those_who_have_confirmed_nobody_either(
    vienna: Cluster, oslo: Cluster, pair: Exchange
) -> None:
    """Whoever consolidates does not decide what others may believe."""
    oslo.ask(acts.forget_everybody)
    pair.put(*strangers(vienna.identity["id"]))

    oslo.do("consolidate")
    told = oslo.ask(acts.page)
    assert {*exports_of(pair.files, vienna.identity["id"])} <= {row[0] for row in told["rows"]}
    assert told["unconfirmed"] == [vienna.identity["id"]] * 2  # the stranger is one of them
    assert oslo.confirm(vienna) == ""
    plan = oslo.look()

    assert verdicts(plan) == ["present"]
    assert len(plan["refused"]) == 1


def test_a_strangers_export_with_the_highest_number_does_not_stop_its_cluster(
    vienna: Cluster, oslo: Cluster, pair: Exchange
) -> None:
    name, content = strangers(oslo.identity["id"], HIGHEST_NUMBER)
    pair.put(name, content)
    oslo.ask(installing.renew, "tomcat")

    publish(oslo)

    assert verdicts(vienna.look()) == ["gone", "renewed"]


def test_two_installations_with_one_id_are_told_and_do_not_mix(
    vienna: Cluster, oslo: Cluster, pair: Exchange
) -> None:
    """As after a copy of a virtual machine whose certificates were generated anew."""
    oslo.ask(acts.adopt_id, vienna.identity["id"])
    oslo.do("export", "all")

    vienna.do("survey")

    told = vienna.ask(acts.page)["rows"]
    foreign = [row for row in told if row[1] == "foreign"]
    assert len(foreign) == 2
    assert all("was its database copied to another?" in row[2] for row in foreign)
    vienna.do("export", "all")
    oslo.do("survey")
    assert {row[1] for row in oslo.ask(acts.page)["rows"] if vienna.identity["id"] in row[0]} == {
        "foreign"
    }


def test_the_own_export_of_a_copy_is_refused_where_the_original_was_confirmed(
    vienna: Cluster, oslo: Cluster, pair: Exchange
) -> None:
    pair.put(*strangers(vienna.identity["id"]))
    oslo.do("consolidate")

    plan = oslo.look()

    assert verdicts(plan) == ["present"]
    assert "was confirmed here" in plan["refused"][0]
