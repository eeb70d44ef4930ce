"""`./ccxsec bulk` from two exports to the trust store; dry runs change nothing."""

import json

import pytest

from bulk.models import Origin
from certificates.models import Certificate, Event, Job, Node
from tests.bulk.commanding import printed, refused, refused_with, run
from tests.bulk.exchanging import NAME, Exchanging, Foreign
from tests.test_urls import state

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.spec("BK-2", "BK-3", "BK-4")]


def test_from_nothing_to_trust(exchanging: Exchanging, south: Foreign) -> None:
    exported = run("export", "all")
    assert exported["state"] == "done"
    assert "Exported tomcat: 1 certificate" in exported["result"]
    exchanging.publish(south)
    [waiting] = run("show", "--look")["unconfirmed"]
    assert waiting["fingerprints"] == {"tomcat": south.fingerprint}

    confirmed = run("confirm", "South", "--fingerprint", south.fingerprint)
    assert confirmed["cluster_id"] == south.cluster_id
    assert "3 exports of 2 clusters" in run("consolidate")["result"]
    imported = run("import", "--yes")

    assert imported["counts"] == {"new": 1}
    added = Certificate.objects.get(common_name=south.host, purpose="tomcat-trust")
    assert Origin.objects.get(certificate=added).cluster.name == "South"
    [event] = Event.objects.filter(action="exchange:import")
    assert event.actor.startswith("command line, ")


def test_what_is_done_is_told_while_it_is_done(exchanging: Exchanging) -> None:
    said, told = printed("export", "tomcat")

    assert "Connecting to the server." in told
    assert "result: Exported tomcat: 1 certificate in ccxsec.tomcat." in said
    assert "state: done" in said


def test_an_export_that_is_tried_out_connects_nowhere(exchanging: Exchanging) -> None:
    exchanging.place.server.stop()
    before = state()
    try:
        told = run("export", "all", "--dry-run")
    finally:
        exchanging.place.server.start()

    rows = [(row["service"], row["role"], row["nodes"]) for row in told["would_export"]]
    assert rows == [
        ("tomcat", "identity", ["ccx1.example.com"]),
        ("ipsec", "identity", ["ccx1.example.com"]),
    ]
    own = {row.fingerprint for row in Certificate.objects.active().own()}
    assert {row["fingerprint"] for row in told["would_export"]} == own
    assert told["remarks"] == []
    assert (state(), exchanging.content()) == (before, {})


def test_before_any_server_is_set_it_can_be_tried_out(unsaved: Exchanging) -> None:
    said, _ = printed("export", "tomcat", "--dry-run")

    assert "ccx1.example.com" in said
    assert "No SFTP server is set yet." in refused("export", "tomcat")


def test_a_consolidation_that_is_tried_out_writes_nothing(
    exchanging: Exchanging, south: Foreign
) -> None:
    run("export", "tomcat")
    assert "only North has exported so far" in refused("consolidate", "--dry-run")
    file = exchanging.publish(south)
    broken = exchanging.put(f"ccxsec.ipsec.{south.cluster_id}.000001.tar.gz", b"no archive")
    before = exchanging.content()

    told = run("consolidate", "--dry-run")

    taken = [(row["cluster"], row["service"], row["certificates"])
             for row in told["would_consolidate"]]  # fmt: skip
    assert sorted(taken) == [(NAME, "tomcat", 1), ("South", "tomcat", 1)]
    assert file in {row["file"] for row in told["would_consolidate"]}
    assert [line.split(":")[0] for line in told["left_out"]] == [broken]
    assert exchanging.content() == before
    assert not Event.objects.filter(action="exchange:consolidate").exists()
    said, _ = printed("consolidate", "--dry-run")
    assert "South" in said


def test_what_fails_says_why_in_one_line_and_as_json(exchanging: Exchanging) -> None:
    said, told = refused_with("consolidate")

    assert said == told["result"]
    assert told["state"] == "failed"
    assert "Exports of at least two clusters are needed" in said


@pytest.mark.parametrize("words", [["show", "--look"], ["consolidate", "--dry-run"], ["import"]])
def test_a_server_that_is_gone_says_so_itself(exchanging: Exchanging, words: list[str]) -> None:
    exchanging.place.server.stop()
    try:
        said, told = refused_with(*words)
    finally:
        exchanging.place.server.start()

    assert f"127.0.0.1 port {exchanging.place.server.port}" in said
    assert told["state"] == "failed"
    assert said in run("show")["trouble"]


SHOWN = {
    "server", "directory", "host_key", "host_key_alarm", "cluster_id", "cluster_name",
    "own_fingerprints", "looked_at", "age_seconds", "trouble", "free_bytes", "steps", "exports",
    "consolidated", "unconfirmed", "clusters", "other_files", "may_import", "missing",
}  # fmt: skip


@pytest.mark.spec("BK-1")
def test_show_tells_everything_and_asks_nobody(exchanging: Exchanging, south: Foreign) -> None:
    fresh = run("show")
    assert (fresh["looked_at"], fresh["age_seconds"]) == ("", None)
    assert fresh["missing"] == ["Nobody has looked at the SFTP server yet."]
    run("export", "all")
    exchanging.publish(south)
    run("consolidate")
    exchanging.put("old appliance.p12", b"anything")
    run("show", "--look")
    before, jobs = state(), Job.objects.count()

    told = run("show")
    said, _ = printed("show")

    assert set(told) == SHOWN
    assert (state(), Job.objects.count()) == (before, jobs)
    assert told["may_import"] is True
    assert [step["state"] for step in told["steps"]] == [
        "done",
        "done",
        "waiting",
    ]  # for somebody to confirm South
    trusts = {(row["cluster"], row["service"]): row["trust"] for row in told["exports"]}
    assert trusts == {
        (NAME, "ipsec"): "own", (NAME, "tomcat"): "own", ("South", "tomcat"): "unconfirmed",
    }  # fmt: skip
    assert [one["file"] for one in told["other_files"]] == ["old appliance.p12"]
    assert len(told["consolidated"]["clusters"]) == 2
    for text in (*told["own_fingerprints"].values(), south.fingerprint, told["cluster_id"]):
        assert text in said


def test_show_before_anything_is_set(unsaved: Exchanging) -> None:
    said, _ = printed("show")

    assert "server: no SFTP server" in said
    assert f"this cluster: {Node.objects.local()}\n" in said
    assert run("show")["cluster_id"] == ""  # nobody has one before it is kept
    assert "Nobody has looked at the SFTP server yet." in said


def test_history_is_newest_first(exchanging: Exchanging) -> None:
    run("export", "tomcat")
    refused("consolidate")

    told = run("history", "--limit", "2")

    assert [(row["what"], row["state"]) for row in told] == [
        ("consolidate", "failed"),
        ("export", "done"),
    ]
    assert set(told[0]) == {"at", "what", "state", "by", "ended_at", "said", "job"}
    assert run("history", "--limit", "-1") == []


def test_no_secret_is_printed(exchanging: Exchanging) -> None:
    answers = [json.dumps(run(*words)) for words in
               (["check"], ["show", "--look"], ["export", "all"], ["history"])]  # fmt: skip
    said = "".join(answers) + str(list(Job.objects.values()))
    body = exchanging.place.server.key.splitlines()[1]

    assert body not in said
    assert "PRIVATE" not in said
