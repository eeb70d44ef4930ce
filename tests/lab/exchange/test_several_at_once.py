"""Several clusters, or several runs of one, at once: nothing mixes, and who waits is told."""

import re
from io import BytesIO

import pytest

from bulk.exchange.consolidated import read_consolidated
from bulk.exchange.names import ConsolidatedName, read_name
from tests.lab.exchange import acts
from tests.lab.exchange.clusters import Cluster, Exchange
from tests.lab.exchange.directory import exports_of, leftovers, whole
from tests.lab.racing import WON, race
from tests.lab.violations import violations

pytestmark = pytest.mark.spec("BK-3", "BK-5")
ROUNDS = 6
RUN = "tests.lab.exchange.acts:run_to_its_end"


def at_once(*runs: tuple[Cluster, list[str]]) -> list[acts.Ended]:
    """Each cluster's run, begun in the same moment."""
    for cluster, words in runs:
        cluster.worker.tell(acts.run, *words)
    return [cluster.worker.hear() for cluster, _ in runs]


def test_two_clusters_that_consolidate_at_once_do_not_mix(
    vienna: Cluster, oslo: Cluster, pair: Exchange
) -> None:
    refused = 0
    for _ in range(ROUNDS):
        ended = at_once((vienna, ["consolidate"]), (oslo, ["consolidate"]))

        states = [one["state"] for one in ended]
        assert "done" in states, ended
        for one, other in zip(ended, ("oslo", "vienna"), strict=True):
            if one["state"] != "done":
                refused += 1
                assert f"ccx1.{other}.example works on the exports" in one["said"][-1]
        published = [name for name in whole(pair.files) if "consolidated" in name]
        read = read_consolidated(BytesIO(pair.files[published[-1]]))
        assert len(published) == 1
        assert len(read.exports) == 4
        assert leftovers(pair.files) == []
    assert refused


def test_a_consolidation_while_others_export_holds_whole_exports(
    vienna: Cluster, oslo: Cluster, pair: Exchange
) -> None:
    for _ in range(ROUNDS):
        first, second = at_once((vienna, ["consolidate"]), (oslo, ["export", "all"]))

        assert first["state"] == "done", first
        assert second["state"] == "done", second
        assert len(whole(pair.files)) == 5
    vienna.do("consolidate")
    assert vienna.look()["refused"] == []


def test_a_look_while_others_consolidate_finds_a_whole_file(vienna: Cluster, oslo: Cluster) -> None:
    for _ in range(ROUNDS):
        first, second = at_once((vienna, ["look"]), (oslo, ["consolidate"]))

        assert first["state"] == "done", first
        assert second["state"] == "done", second


def test_two_runs_of_one_installation_follow_each_other(vienna: Cluster, pair: Exchange) -> None:
    runs = [(RUN, ["export", "all"]), (RUN, ["consolidate"]), (RUN, ["export", "tomcat"])]
    ended = vienna.ask(race, "processes", runs, [0.0] * len(runs))

    assert [outcome for outcome, _ in ended] == [WON] * 3
    assert len(exports_of(pair.files, vienna.identity["id"])) == 2
    assert len(whole(pair.files)) == 5


def test_one_run_is_queued_once(vienna: Cluster) -> None:
    assert vienna.ask(acts.ask, "consolidate") == vienna.ask(acts.ask, "consolidate")
    assert vienna.ask(acts.ask, "export", "all") != vienna.ask(acts.ask, "export", "tomcat")


def test_numbers_only_rise(vienna: Cluster, oslo: Cluster, pair: Exchange) -> None:
    numbers = []
    for cluster in (vienna, oslo, vienna):
        said = cluster.do("consolidate")
        name = read_name(re.sub(r".* in (\S+)\.$", r"\1", said))
        assert isinstance(name, ConsolidatedName)
        numbers.append(name.number)

    assert numbers == sorted(set(numbers))
    assert vienna.ask(violations, True) == []
