"""Numbers of exports: nobody can use them up, and no other server starts them anew (BK-2, BK-5)."""

import pytest

from bulk.exchange.names import HIGHEST_NUMBER, export_name
from bulk.operations import request_export
from tests.bulk.exchanging import Exchanging, done


@pytest.mark.spec("BK-5")
@pytest.mark.parametrize("below", [0, 1, 2])
def test_a_huge_number_in_a_clusters_name_is_not_followed(
    below: int, exchanging: Exchanging
) -> None:
    """Its own next number would be the last one, and no other cluster takes a lower one again."""
    forged = export_name("tomcat", exchanging.cluster_id, HIGHEST_NUMBER - below)
    exchanging.put(forged, b"x")

    done(request_export("tomcat", actor=exchanging.actor))
    done(request_export("tomcat", actor=exchanging.actor))

    assert exchanging.place.names == [
        export_name("tomcat", exchanging.cluster_id, 2),
        forged,
    ]


@pytest.mark.spec("BK-5")
def test_what_lies_a_little_above_is_passed(exchanging: Exchanging) -> None:
    """It may be this cluster's own, from after the backup that was restored."""
    exchanging.put(export_name("tomcat", exchanging.cluster_id, 1000), b"x")

    done(request_export("tomcat", actor=exchanging.actor))

    assert exchanging.place.names == [export_name("tomcat", exchanging.cluster_id, 1001)]


@pytest.mark.spec("BK-2")
def test_numbers_go_on_where_the_directory_is_empty(exchanging: Exchanging) -> None:
    """As on another server: the other clusters refuse what is older than what they have."""
    done(request_export("all", actor=exchanging.actor))
    exchanging.place.empty()

    done(request_export("all", actor=exchanging.actor))

    assert exchanging.place.names == [
        export_name(service, exchanging.cluster_id, 2) for service in ("ipsec", "tomcat")
    ]
