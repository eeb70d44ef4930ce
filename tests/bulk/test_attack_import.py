"""What changed between the look and the import: it is refused, and no lie is told (BK-4)."""

import pytest
from django.test import Client
from django.utils import timezone

from bulk.models import Cluster, Plan
from bulk.operations import (
    request_consolidate,
    request_export,
    request_import,
    request_look,
    standing,
)
from bulk.operations.standing import StepState
from certificates import jobs
from certificates.models import Certificate, JobState, Node
from certificates.refusal import Refused
from tests.bulk.exchanging import Exchanging, Foreign, Identity, done

pytestmark = pytest.mark.spec("BK-4")


@pytest.fixture
def plan(exchanging: Exchanging, south: Foreign) -> Plan:
    """What South has exported is imported already, says the second look."""
    exchanging.publish(south)
    done(request_export("tomcat", actor=exchanging.actor))
    done(request_consolidate(actor=exchanging.actor))
    exchanging.confirm(south)
    first = looked(exchanging)
    done(request_import(first, shown=first.digest, actor=exchanging.actor))
    return looked(exchanging)


def looked(exchanging: Exchanging) -> Plan:
    job = request_look(actor=exchanging.actor)
    done(job)
    return Plan.objects.get(job=job)


def import_(plan: Plan, exchanging: Exchanging) -> tuple[str, str]:
    """The state in which it ended, and its last line."""
    job = request_import(plan, shown=plan.digest, actor=exchanging.actor)
    ended = jobs.run(job.pk)
    assert ended
    return ended.state, str(ended.messages[-1])


def test_what_was_there_is_there(plan: Plan, exchanging: Exchanging) -> None:
    said = "Nothing was to be changed: everything is there."
    assert import_(plan, exchanging) == (JobState.DONE, said)


@pytest.mark.parametrize("what", ["deleted", "new node"])
def test_what_is_there_no_longer_is_not_said_to_be(
    what: str, plan: Plan, exchanging: Exchanging
) -> None:
    if what == "deleted":
        Certificate.objects.trust().delete()
    else:
        Node.objects.create(host_name="ccx2.example.com")

    state, said = import_(plan, exchanging)

    assert state == JobState.FAILED
    assert "lacks by now what was there" in said
    plan.refresh_from_db()
    assert plan.imported_at is None
    again = looked(exchanging)
    import_(again, exchanging)
    assert Certificate.objects.trust().count() == Node.objects.count()


def test_a_plan_that_went_meanwhile_is_refused(plan: Plan, exchanging: Exchanging) -> None:
    Plan.objects.all().delete()
    with pytest.raises(Refused) as refusal:
        request_import(plan, shown=plan.digest, actor=exchanging.actor)
    assert refusal.value.code == "import.unknown"


def test_newer_exports_of_the_same_certificates_can_be_noted_on_the_page(
    plan: Plan, exchanging: Exchanging, south: Foreign, administrator: Client
) -> None:
    """Else an older one is taken again, a renewed key not known, and the step never done."""
    exchanging.publish(south, number=2)
    done(request_consolidate(actor=exchanging.actor))
    newer = looked(exchanging)

    before = administrator.get(f"/admin/bulk/plan/{plan.pk}/").content.decode()
    after = administrator.get(f"/admin/bulk/plan/{newer.pk}/").content.decode()
    done(request_import(newer, shown=newer.digest, actor=exchanging.actor))

    assert ">Import</button>" not in before
    assert ">Import</button>" in after
    assert "Import notes that these exports are the newest" in after
    assert Cluster.objects.get().latest == {"tomcat": 2}
    assert standing(now=timezone.now()).steps[2].state == StepState.DONE


def test_a_certificate_that_goes_to_two_nodes_is_counted_once(
    plan: Plan, exchanging: Exchanging, south: Foreign
) -> None:
    """As the plan counted it that the operator was shown."""
    Certificate.objects.trust().delete()
    Node.objects.create(host_name="ccx2.example.com")
    both = looked(exchanging)
    assert import_(both, exchanging)[1] == "Imported: 1 certificate added, on 2 nodes."
    south.certificates = [Identity("new.south.example.com").certificate()]
    exchanging.publish(south, number=2)
    done(request_consolidate(actor=exchanging.actor))
    after = looked(exchanging)

    job = request_import(after, shown=after.digest, remove=True, actor=exchanging.actor)

    assert done(job) == "Imported: 1 certificate added, 1 removed, on 2 nodes."
