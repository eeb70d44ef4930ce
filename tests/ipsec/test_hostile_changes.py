"""What happens meanwhile, and what is sent by hand: no half change, no trace, no way around."""

import io
import sys
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from certificates import jobs
from certificates.access import Actor
from certificates.models import JobState
from certificates.refusal import Refused
from ipsec.models import Negotiation, Policy
from ipsec.operations import (
    change_policy,
    delete_policies,
    end_trials,
    request_diagnose,
    set_enabled,
)
from tests.conftest import HttpsClient
from tests.ipsec.charon import Charon
from tests.ipsec.conftest import HERE, LEGACY, THERE, Add
from tests.test_urls import ORIGIN

pytestmark = [pytest.mark.spec("IP-1"), pytest.mark.django_db(transaction=True)]
NO_TEXT = "\udcff/a"  # the byte FF of a command line


def test_a_form_from_before_the_end_of_a_trial_enables_nothing(add: Add, actor: Actor) -> None:
    [policy] = set_enabled([add("web")], enabled=True, trial_minutes=1, actor=actor)
    end_trials(now=timezone.now() + timedelta(minutes=2))

    with pytest.raises(Refused) as refused:
        change_policy(
            policy, policy.definition, enabled=True, revision=policy.revision, actor=actor
        )

    assert refused.value.code == "policy.changed"
    assert not Policy.objects.get().is_enabled


def test_what_was_disabled_meanwhile_is_not_negotiated(
    charon: Charon, add: Add, actor: Actor
) -> None:
    policy = add("web", enabled=True)
    job = request_diagnose(policy, actor=actor)
    set_enabled([policy], enabled=False, actor=actor)

    ended = jobs.run(job.pk)

    assert ended is not None
    assert ended.state == JobState.FAILED
    assert "disabled meanwhile" in ended.messages[-1]
    assert not Negotiation.objects.exists()


def test_a_policy_may_be_deleted_while_it_is_diagnosed(
    charon: Charon, add: Add, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = add("web", enabled=True)
    job = request_diagnose(policy, actor=actor)

    def negotiated(*_: str) -> list[str]:
        delete_policies([policy], actor=actor)
        return ["received NO_PROPOSAL_CHOSEN error notify"]

    monkeypatch.setattr(sys.modules["ipsec.operations.negotiate"], "_lines_of", negotiated)

    ended = jobs.run(job.pk)

    assert ended is not None
    assert "internal error" not in " ".join(ended.messages)
    assert not Negotiation.objects.exists()


def test_what_a_setting_forbids_by_now_can_be_disabled_on_its_form(
    administrator: HttpsClient, add: Add, settings: Settings
) -> None:
    policy = add("web", enabled=True, **LEGACY)
    settings.CCXSEC_ALLOW_LEGACY = False
    address = f"/admin/ipsec/policy/{policy.pk}/change/"
    form = administrator.get(address).context["form"]
    data = {name: form[name].value() or "" for name in form.fields if name != "is_enabled"}
    data |= {"source_port": "Any", "destination_port": "Any"}

    kept = administrator.post(address, data | {"is_enabled": "on"}, headers=ORIGIN)
    answer = administrator.post(address, data, headers=ORIGIN)

    assert (kept.status_code, answer.status_code) == (422, 302)
    assert not Policy.objects.get().is_enabled


@pytest.mark.parametrize("page", ["x", "admin:index", "//example.com/", "-1", "/\\example.com"])
def test_the_way_back_is_a_page_of_ours(
    page: str, administrator: HttpsClient, add: Add, actor: Actor
) -> None:
    set_enabled([add("web")], enabled=True, trial_minutes=1, actor=actor)

    answer = administrator.post("/admin/ipsec/policy/confirm/", {"next": page}, headers=ORIGIN)

    assert (answer.status_code, answer["Location"]) == (302, "/admin/ipsec/policy/")


@pytest.mark.parametrize(
    "words",
    [
        ["show", NO_TEXT],
        ["status", NO_TEXT],
        ["delete", NO_TEXT, "--yes"],
        ["export", "web/web", NO_TEXT],
        ["set", "web/web", "--rename", NO_TEXT, "--yes"],
        ["add", NO_TEXT, "--source", HERE, "--destination", THERE, "--yes"],
    ],
    ids=lambda words: words[0],
)
def test_a_name_that_is_no_text_is_refused(words: list[str], add: Add) -> None:
    add("web")

    with pytest.raises(CommandError, match="does not name a policy"):
        call_command("ipsec", *words, stdout=io.StringIO(), stderr=io.StringIO())


@pytest.mark.parametrize(
    "words",
    [
        ["list", "--find", f"name contains {NO_TEXT}"],
        ["list", "--find", "name contains " + "%" * 500],
        ["history", "--limit", "9" * 30],
    ],
    ids=["no text", "long", "many"],
)
def test_what_can_not_be_found_is_not_found(words: list[str], add: Add) -> None:
    add("web")
    out = io.StringIO()

    call_command("ipsec", *words, stdout=out)

    assert "web/web" not in out.getvalue()
