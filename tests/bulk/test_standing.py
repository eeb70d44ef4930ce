"""The three steps: what is there, what is missing, whose exports are believed (BK-3, BK-4)."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from bulk.models import Cluster, ExchangeServer
from bulk.operations.content import own_keys, planned_export
from bulk.operations.standing import Standing, StepState, Trust, standing
from bulk.seen import Seen, SeenConsolidated, SeenExport
from certificates.models import Node, Service
from tests.conftest import NOW

OWN_ID, OTHER_ID, THIRD_ID = (f"{n}b6f1c2e-8d3a-4f5b-9c7d-1e2f3a4b5c6d" for n in "012")
OTHER_KEYS = {"tomcat": "SHA256:other", "ipsec": "SHA256:ipsec"}


def export(cluster_id: str, name: str, number: int = 1, **more: Any) -> SeenExport:
    values: dict[str, Any] = {
        "file": f"ccxsec.tomcat.{cluster_id}.{number:06d}.tar.gz",
        "size": 2000,
        "modified_at": NOW.isoformat(),
        "cluster_id": cluster_id,
        "service": "tomcat",
        "number": number,
        "cluster_name": name,
        "made_at": NOW.isoformat(),
        "count": 1,
        "keys": OTHER_KEYS,
    }
    return SeenExport(**values | more)


def consolidated(*exports: SeenExport, **more: Any) -> SeenConsolidated:
    values: dict[str, Any] = {
        "file": "ccxsec.consolidated.000003.tar",
        "size": 9000,
        "modified_at": NOW.isoformat(),
        "number": 3,
        "made_at": NOW.isoformat(),
        "made_by": "Vienna",
        "exports": [one.file for one in exports],
        "clusters": sorted({one.cluster_id for one in exports}),
    }
    return SeenConsolidated(**values | more)


@pytest.fixture
def own(node: Node) -> SeenExport:
    """What this cluster has exported: what it has now."""
    content = planned_export(Service.TOMCAT, now=NOW).content
    return export(OWN_ID, "Vienna", keys=own_keys(), content=content)


def told(**seen: Any) -> Standing:
    """How it stands after a look at the server that found this."""
    ExchangeServer.objects.update_or_create(
        pk=1,
        defaults={
            "host": "sftp.example.com",
            "cluster_id": UUID(OWN_ID),
            "seen": Seen(**seen).to_json(),
            "seen_at": NOW,
        },
    )
    return standing(now=NOW)


@pytest.mark.spec("BK-4")
def test_before_anybody_has_looked_nothing_can_be_imported(node: Node) -> None:
    found = standing(now=NOW)
    assert not found.may_import
    assert found.missing == ("Nobody has looked at the SFTP server yet.",)
    assert found.steps[1].sentences == found.missing  # and not that none has exported
    assert found.own_keys == own_keys()


@pytest.mark.spec("BK-4")
@pytest.mark.parametrize(
    ("others", "joined", "missing"),
    [
        ((), None, "only Vienna has so far"),
        (("Graz",), None, "must be consolidated"),
        (("Graz",), (), "one cluster only"),
        (("Graz",), ("Graz",), ""),
    ],
    ids=["alone", "not-consolidated", "consolidated-alone", "all-there"],
)
def test_import_is_offered_after_two_exports_and_their_consolidation(
    own: SeenExport, others: tuple[str, ...], joined: tuple[str, ...] | None, missing: str
) -> None:
    exports = {name: export(OTHER_ID, name) for name in others}
    one = None if joined is None else consolidated(own, *(exports[name] for name in joined))
    found = told(exports=[own, *exports.values()], consolidated=one)
    assert found.may_import is (not missing)
    assert missing in " ".join(found.missing)


@pytest.mark.spec("BK-4")
def test_two_types_of_one_cluster_are_not_two_clusters(own: SeenExport) -> None:
    second = replace(own, file=own.file.replace("tomcat", "ipsec"), service="ipsec")
    found = told(exports=[own, second], consolidated=consolidated(own, second))
    assert not found.may_import


@pytest.mark.spec("BK-3")
def test_an_export_after_the_consolidation_asks_for_another_one(own: SeenExport) -> None:
    before, after = export(OTHER_ID, "Graz", 1), export(OTHER_ID, "Graz", 2)
    found = told(exports=[own, after], consolidated=consolidated(own, before))
    assert found.steps[1].state == StepState.DUE
    assert "Exported since: Graz" in " ".join(found.steps[1].sentences)
    [row] = [row for row in found.exports if not row.is_own]
    assert not row.is_consolidated
    assert "consolidate again" in row.notes[0]
    assert found.may_import  # what was consolidated before
    Cluster.objects.create(
        cluster_id=UUID(OTHER_ID), name="Graz", keys=OTHER_KEYS, confirmed_at=NOW
    )
    waiting = told(exports=[own, after], consolidated=consolidated(own, before)).steps[2]
    assert waiting.sentences == ("What the confirmed clusters export now is not consolidated yet.",)


@pytest.mark.spec("BK-2")
def test_an_own_export_that_is_older_than_the_certificates_is_told(own: SeenExport) -> None:
    found = told(exports=[replace(own, content="another")])
    assert found.steps[0].state == StepState.DUE
    assert found.exports[0].is_stale
    assert "Older than what this cluster has now" in found.exports[0].notes[0]
    assert told(exports=[own]).steps[0].state == StepState.DONE


@pytest.mark.spec("BK-5")
@pytest.mark.parametrize(
    ("pinned", "expected", "is_asked"),
    [
        (None, Trust.UNCONFIRMED, True),
        (OTHER_KEYS, Trust.CONFIRMED, False),
        ({"tomcat": "SHA256:former", "ipsec": "SHA256:ipsec"}, Trust.CONFIRMED, False),
        ({"tomcat": "SHA256:former", "ipsec": "SHA256:former"}, Trust.FOREIGN, True),
    ],
    ids=["new", "known", "one-key-is-new", "both-keys-are-new"],
)
def test_who_is_believed(
    own: SeenExport, pinned: dict[str, str] | None, expected: Trust, *, is_asked: bool
) -> None:
    if pinned:
        Cluster.objects.create(
            cluster_id=UUID(OTHER_ID), name="Graz", keys=pinned, confirmed_at=NOW
        )
    found = told(exports=[own, export(OTHER_ID, "Graz")])
    [row] = [row for row in found.exports if row.seen.cluster_id == OTHER_ID]
    assert row.trust == expected
    assert [one.name for one in found.unconfirmed] == (["Graz"] if is_asked else [])
    if is_asked:
        assert found.unconfirmed[0].pinned == pinned


@pytest.mark.spec("BK-5")
def test_somebody_elses_export_under_this_clusters_id_is_told(own: SeenExport) -> None:
    found = told(exports=[replace(own, keys=OTHER_KEYS)])
    assert found.exports[0].trust == Trust.FOREIGN
    assert "database copied" in found.exports[0].notes[0]
    assert found.unconfirmed == ()


def test_a_look_survives_being_kept_as_json(own: SeenExport) -> None:
    seen = Seen(exports=[own], consolidated=consolidated(own), free=10, strays=2)
    assert Seen.of_json(seen.to_json()) == seen
    assert Seen.of_json({}) == Seen()


@pytest.mark.spec("BK-5")
@pytest.mark.parametrize(("name", "is_told"), [("VIENNA", True), ("Graz", False)])
def test_a_cluster_with_a_name_that_is_taken_is_told(
    own: SeenExport, name: str, *, is_told: bool
) -> None:
    found = told(exports=[own, export(OTHER_ID, name)])
    assert [one.is_namesake for one in found.unconfirmed] == [is_told]
