"""`./ccxsec bulk import`, `read`, `confirm`, `forget`: shown first; a no changes nothing."""

import io
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from pytest_django import Settings

from bulk.models import Cluster, Plan
from certificates.models import Certificate, Job
from tests.bulk.commanding import printed, refused, run
from tests.bulk.exchanging import Exchanging, Foreign, Identity

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.spec("BK-4")]
Answers = Callable[[str], None]
PHRASE = "quite-a-phrase-7"


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """What is typed on the terminal."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(f"{text}\n"))


@pytest.fixture
def ready(exchanging: Exchanging, south: Foreign) -> Exchanging:
    """Two clusters have exported, the other one is confirmed, and it was consolidated."""
    exchanging.publish(south)
    run("export", "tomcat")
    exchanging.confirm(south)
    run("consolidate")
    return exchanging


def trusted() -> list[str]:
    """The names in the trust stores."""
    rows = Certificate.objects.trust().order_by("common_name")
    return list(rows.values_list("common_name", flat=True))


def test_every_certificate_is_shown_with_its_verdict(ready: Exchanging, south: Foreign) -> None:
    expired = Identity("old.south.example.com", begins=timedelta(days=-30), days=10)
    south.certificates.append(expired.certificate())
    ready.publish(south, number=2)
    run("consolidate")
    before, files = trusted(), ready.content()

    told = run("import", "--dry-run")
    said, _ = printed("import", "--dry-run")

    assert told["counts"] == {"new": 1, "expired": 1}
    rows = {row["certificate"]: row for row in told["certificates"]}
    new, old = rows[south.host], rows[expired.host]
    assert [new[name] for name in ("verdict", "store", "cluster", "nodes")] == [
        "new",
        "tomcat-trust",
        "South",
        south.host,
    ]
    assert old["verdict"] == "expired"
    assert "It was valid until" in old["reason"]
    assert set(told) == {"source", "digest", "counts", "left_out", "new_keys", "certificates"}
    assert set(new) == {
        "verdict", "certificate", "store", "cluster", "nodes", "not_after", "fingerprint", "reason",
    }  # fmt: skip
    assert south.host in said
    assert "new: 1" in said
    assert (trusted(), ready.content()) == (before, files)
    assert not Job.objects.filter(kind="bulk-import").exists()
    assert not Plan.objects.exclude(imported_at=None).exists()


def test_it_is_asked_first_and_a_no_changes_nothing(
    ready: Exchanging, south: Foreign, answers: Answers
) -> None:
    for answer in ("no", "y", ""):
        answers(answer)
        assert "was not answered with yes" in refused("import")
    assert trusted() == []

    answers("yes")
    said, asked = printed("import")

    assert "would find: 1 new." in asked
    assert "1 certificate added, on one node" in said
    assert "./ccxsec restart list" in said
    assert trusted() == [south.host]


def test_what_changes_nothing_is_not_asked_about(ready: Exchanging, answers: Answers) -> None:
    run("import", "--yes")
    answers("no")

    assert "everything is there" in run("import")["result"]


def test_before_the_conditions_hold_it_says_what_is_missing(
    exchanging: Exchanging, south: Foreign
) -> None:
    run("export", "tomcat")
    assert "At least two clusters must export" in refused("import", "--dry-run")
    exchanging.publish(south)

    said = refused("import", "--yes")

    assert "The exports must be consolidated." in said
    assert "two clusters" not in said
    assert trusted() == []


def test_whoever_is_not_confirmed_is_left_out(exchanging: Exchanging, south: Foreign) -> None:
    run("export", "tomcat")
    file = exchanging.publish(south)
    run("consolidate")

    told = run("import", "--yes")

    [line] = told["left_out"]
    assert line.startswith(f"{file}: Nobody has confirmed the cluster South")
    assert trusted() == []


def test_what_a_cluster_has_no_longer_goes_on_request(
    ready: Exchanging, south: Foreign, answers: Answers
) -> None:
    gone = Identity("gone.south.example.com").certificate()
    south.certificates.append(gone)
    ready.publish(south, number=2)
    run("consolidate")
    run("import", "--yes")
    south.certificates.remove(gone)
    ready.publish(south, number=3)
    run("consolidate")

    answers("no")
    assert run("import")["counts"] == {"present": 1, "gone": 1}
    assert "gone.south.example.com" in trusted()
    assert "was not answered with yes" in refused("import", "--remove")
    answers("yes")
    _, asked = printed("import", "--remove")

    assert "1 that their clusters have no longer are removed." in asked
    assert trusted() == [south.host]


def test_a_cluster_is_confirmed_by_name_or_id_and_forgotten(
    exchanging: Exchanging, south: Foreign
) -> None:
    exchanging.publish(south)
    exchanging.look()
    wrong = ["--fingerprint", "SHA256:guessed"]
    said = refused("confirm", "South", *wrong)
    assert "South signs with other keys" in said
    assert south.fingerprint not in said  # it is to be compared, not copied
    assert f"There are: South ({south.cluster_id})" in refused("confirm", "North", *wrong)
    right = ["--fingerprint", south.fingerprint]

    assert run("confirm", south.cluster_id.upper(), *right)["fingerprints"] == {
        "tomcat": south.fingerprint
    }
    [known] = run("show")["clusters"]
    assert known["cluster_id"] == south.cluster_id
    assert run("forget", "South") == {"forgotten": "South"}
    assert not Cluster.objects.exists()


def test_of_two_with_one_name_the_id_is_asked_for(exchanging: Exchanging, south: Foreign) -> None:
    twin = Foreign("South", "ccx1.twin.example.com")
    for foreign in (south, twin):
        exchanging.publish(foreign)
    exchanging.look()

    said = refused("confirm", "South", "--fingerprint", twin.fingerprint)

    assert "2 clusters call themselves 'South'" in said
    assert twin.cluster_id in said
    assert run("confirm", twin.cluster_id, "--fingerprint", twin.fingerprint)["nodes"] == [
        twin.host
    ]


@pytest.fixture
def appliance(exchanging: Exchanging, settings: Settings, tmp_path: Path) -> str:
    """A PKCS#12 of another system in the directory, with its key; its pass phrase in a file."""
    settings.CCXSEC_CALLED_FROM = str(tmp_path)
    (tmp_path / "phrase").write_text(f"{PHRASE}\n")
    identity = Identity("appliance.example.com")
    content = serialize_key_and_certificates(
        b"appliance",
        identity.key,
        identity.certificate(),
        None,
        BestAvailableEncryption(PHRASE.encode()),
    )
    return exchanging.put("appliance.p12", content)


def test_the_certificates_of_a_foreign_file_are_read(
    exchanging: Exchanging, appliance: str, answers: Answers
) -> None:
    words = ["read", appliance, "--store", "tomcat-trust", "--passphrase-file", "phrase"]
    shown = run(*words, "--dry-run")
    assert shown["counts"] == {"new": 1}
    assert trusted() == []
    answers("no")
    assert "was not answered with yes" in refused(*words)

    done = run(*words, "--yes")

    assert done["counts"] == {"new": 1}
    assert trusted() == ["appliance.example.com"]
    assert PHRASE not in str([shown, done, *Job.objects.values(), *Plan.objects.values()])


def test_its_pass_phrase_may_come_from_standard_input(
    exchanging: Exchanging, appliance: str, answers: Answers
) -> None:
    answers(PHRASE)
    words = ["read", appliance, "--store", "ipsec-trust", "--passphrase-file", "-", "--yes"]

    assert run(*words)["state"] == "done"


@pytest.mark.parametrize(
    ("file", "more", "says"),
    [
        ("appliance.p12", [], "pass phrase"),
        ("missing.p12", [], "There is no file 'missing.p12'"),
        ("../appliance.p12", [], "There is no file '../appliance.p12'"),
        ("appliance.p12", ["--passphrase-file", "nothing"], "No such file"),
    ],
    ids=["no pass phrase", "no file", "another folder", "no file of the phrase"],
)
def test_a_foreign_file_that_is_refused(
    exchanging: Exchanging, appliance: str, answers: Answers, file: str, more: list[str], says: str
) -> None:
    answers("")

    said = refused("read", file, "--store", "tomcat-trust", *more, "--yes")

    assert says in said
    assert trusted() == []
