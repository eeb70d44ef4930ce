"""Save, export, consolidate, look and import, against a real server and with a second cluster."""

import io
import json
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.utils import timezone
from pytest_django import Settings

from bulk.exchange.export import Item, ItemRole, write_export
from bulk.exchange.identity import key_fingerprint
from bulk.exchange.names import export_name
from bulk.models import TYPED_SECRET, Cluster, ExchangeServer, Origin, Plan, Verdict
from bulk.operations import (
    check_server,
    confirm_cluster,
    keep_host_key,
    pin_host_key,
    request_consolidate,
    request_export,
    request_import,
    request_look,
    request_survey,
    save_server,
    standing,
)
from certificates import jobs
from certificates.access import Actor
from certificates.models import Action, Certificate, Event, Job, JobState, Node, Purpose, Secret
from certificates.refusal import Refused
from certificates.x509.signing import Signer
from tests.bulk.archives import CENTURY, OTHER, OTHER_ID, certificate, key
from tests.ssh_server import SshServer, ssh_server

GRAZ = certificate(key("ec-p256"), "ccx1.example.org")
GRAZ_LATER = certificate(key("ec-p384"), "ccx2.example.org")


@pytest.fixture(scope="module")
def sftp() -> Iterator[SshServer]:
    with ssh_server() as server:
        yield server


@pytest.fixture
def directory(sftp: SshServer) -> Path:
    """A directory on the server that is empty."""
    for path in sftp.home.iterdir():
        path.unlink()
    return sftp.home


Save = Callable[..., list[str]]


@pytest.fixture
def save(node: Node, sftp: SshServer, directory: Path, actor: Actor) -> Save:
    """Save the server's values, with differences; the codes of what was checked."""

    def saved(**values: object) -> list[str]:
        usual = {
            "host": "127.0.0.1",
            "port": sftp.port,
            "user": sftp.user,
            "directory": str(directory),
            "private_key": sftp.key,
            "host_key": sftp.fingerprint,
            "cluster_name": "Vienna",
        }
        return [check.code for check in save_server(**usual | values, actor=actor)]  # type: ignore[arg-type]

    return saved


def done(job: Job) -> str:
    """Work a job off here; its last line."""
    ended = jobs.run(job.pk)
    assert ended
    assert ended.state == JobState.DONE, ended.messages
    return str(ended.messages[-1])


def failed(job: Job) -> str:
    """Work a job off that fails; why."""
    ended = jobs.run(job.pk)
    assert ended
    assert ended.state == JobState.FAILED
    return str(ended.messages[-1])


def graz_exports(directory: Path, *certificates: x509.Certificate, number: int = 1) -> None:
    """The other cluster publishes its tomcat certificates."""
    target = io.BytesIO()
    write_export(
        target,
        cluster=OTHER,
        service="tomcat",
        number=number,
        made_at=timezone.now(),
        items=[
            Item(one.public_bytes(Encoding.PEM), ItemRole.IDENTITY, OTHER.nodes)
            for one in certificates
        ],
        signers=[Signer("tomcat", GRAZ, key("ec-p256"))],
    )
    (directory / export_name("tomcat", OTHER_ID, number)).write_bytes(target.getvalue())


@pytest.mark.spec("BK-1", "BK-5")
def test_a_server_is_saved_after_its_host_key_was_compared(
    node: Node, sftp: SshServer, directory: Path, save: Save, actor: Actor
) -> None:
    with pytest.raises(Refused) as unknown:
        save(host_key="")
    assert unknown.value.code == "confirm.host-key"
    assert sftp.fingerprint in unknown.value.sentence
    assert not ExchangeServer.objects.current().is_set
    # What was typed is kept sealed until the key is confirmed, for this server and user only.
    with pytest.raises(Refused, match="no password and no private key"):
        save(private_key="", user="another")
    codes = save(private_key="")
    assert codes[0] == "sftp.unreachable"
    row = ExchangeServer.objects.current()
    assert (row.host, row.cluster_name) == ("127.0.0.1", "Vienna")
    assert not Secret.objects.filter(name=TYPED_SECRET).exists()
    assert Event.objects.filter(action=Action.EXCHANGE_SERVER).count() == 1
    assert list(directory.iterdir()) == []
    assert [check.outcome for check in check_server(actor=actor)].count("fail") == 0


@pytest.mark.spec("BK-1")
def test_what_is_kept_goes_to_no_other_server(save: Save) -> None:
    save()
    save(private_key="", host_key="", directory=".")  # the same server and user
    with pytest.raises(Refused) as refused:
        save(private_key="", host_key="", host="localhost")
    assert refused.value.code == "reach.secret"


@pytest.mark.spec("BK-1")
@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"directory": "/nowhere"}, "sftp.folder-missing"),
        ({"directory": "/etc"}, "sftp.folder-denied"),
        ({"directory": " "}, "exchange.directory"),
        ({"host": ""}, "exchange.host"),
        ({"host": "no such host"}, "san.syntax"),
        ({"port": 1}, "sftp.unreachable"),
        ({"port": 0}, "port"),
        ({"user": "root user"}, "reach.user"),
        ({"private_key": "", "password": "wrong"}, "sftp.login"),
        ({"private_key": "nonsense"}, "reach.key"),
        ({"password": "both"}, "reach.secret"),
        ({"host_key": "SHA256:another"}, "host-key.other"),
        ({"cluster_name": "a\u202eb"}, "name.control"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_failure_has_a_sentence_of_its_own_and_changes_nothing(
    save: Save, values: dict[str, object], code: str
) -> None:
    with pytest.raises(Refused) as refused:
        save(**values)
    assert refused.value.code == code
    assert refused.value.cure
    assert "nonsense" not in str(refused.value)
    assert not ExchangeServer.objects.current().is_set


@pytest.mark.spec("BK-5")
def test_a_host_key_that_changed_stops_everything_until_somebody_decides(
    sftp: SshServer, save: Save, actor: Actor
) -> None:
    save()
    ExchangeServer.objects.update(host_key="ssh-ed25519 " + "A" * 68)
    assert "host key" in failed(request_survey(actor=actor))
    row = ExchangeServer.objects.current()
    assert row.host_key_alarm == sftp.fingerprint
    with pytest.raises(Refused) as refused:
        request_survey(actor=actor)
    assert refused.value.code == "exchange.host-key"
    keep_host_key(actor=actor)
    assert ExchangeServer.objects.current().host_key_alarm == ""
    pin_host_key(fingerprint=sftp.fingerprint, actor=actor)
    done(request_survey(actor=actor))


@pytest.mark.spec("BK-2", "BK-3", "BK-4")
def test_from_empty_to_trust(node: Node, directory: Path, save: Save, actor: Actor) -> None:
    save()
    assert "Exported tomcat: 1 certificate" in done(request_export("all", actor=actor))
    done(request_export("all", actor=actor))
    mine = str(ExchangeServer.objects.current().cluster_id)
    assert sorted(path.name for path in directory.iterdir()) == [
        export_name("ipsec", mine, 2),
        export_name("tomcat", mine, 2),
    ]
    assert "only Vienna has exported" in failed(request_consolidate(actor=actor))
    graz_exports(directory, GRAZ)
    assert "3 exports of 2 clusters" in done(request_consolidate(actor=actor))
    assert standing(now=timezone.now()).may_import

    done(request_look(actor=actor))
    plan = Plan.objects.latest("pk")
    assert plan.counts() == {}
    assert "Nobody has confirmed" in plan.refused[0]
    with pytest.raises(Refused, match="signs with"):
        confirm_cluster(OTHER_ID, fingerprint="SHA256:another", actor=actor)
    fingerprint = key_fingerprint(GRAZ.public_key())
    confirm_cluster(OTHER_ID, fingerprint=fingerprint, actor=actor)

    job = request_look(actor=actor)
    assert "1 new" in done(job)
    plan = job.plan
    assert plan.counts() == {Verdict.NEW: 1}
    with pytest.raises(Refused, match="not what you were shown"):
        request_import(plan, shown="another", actor=actor)
    said = done(request_import(plan, shown=plan.digest, actor=actor))
    assert said == "Imported: 1 certificate added, on one node."
    [row] = Certificate.objects.for_purpose(Purpose.TOMCAT_TRUST)
    assert bytes(row.der) == GRAZ.public_bytes(Encoding.DER)
    assert row.description.startswith(f"Imported from cluster {OTHER.name}, exported ")
    assert Origin.objects.get().certificate == row
    with pytest.raises(Refused, match="done already"):
        request_import(plan, shown=plan.digest, actor=actor)
    again = request_look(actor=actor)
    assert "1 already there" in done(again)


@pytest.mark.spec("BK-4")
def test_what_a_cluster_has_no_longer_can_be_removed(
    node: Node, directory: Path, save: Save, actor: Actor
) -> None:
    save()
    done(request_export("tomcat", actor=actor))

    def imported(*certificates: x509.Certificate, number: int, remove: bool) -> str:
        graz_exports(directory, *certificates, number=number)
        done(request_consolidate(actor=actor))
        if number == 1:
            confirm_cluster(OTHER_ID, fingerprint=key_fingerprint(GRAZ.public_key()), actor=actor)
        job = request_look(actor=actor)
        done(job)
        return done(request_import(job.plan, shown=job.plan.digest, remove=remove, actor=actor))

    imported(GRAZ, number=1, remove=False)
    assert "1 certificate added, 1 removed" in imported(GRAZ_LATER, number=2, remove=True)
    assert [row.common_name for row in Certificate.objects.trust()] == ["ccx2.example.org"]
    (directory / export_name("tomcat", OTHER_ID, 2)).unlink()
    graz_exports(directory, GRAZ, number=1)  # somebody brings the former one back
    done(request_consolidate(actor=actor))
    job = request_look(actor=actor)
    done(job)
    assert "older (number 1) than what was imported" in json.dumps(job.plan.refused)


@pytest.mark.spec("BK-4")
def test_a_cluster_that_was_forgotten_meanwhile_is_not_imported(
    node: Node, directory: Path, save: Save, actor: Actor
) -> None:
    save()
    done(request_export("tomcat", actor=actor))
    graz_exports(directory, GRAZ)
    done(request_consolidate(actor=actor))
    confirm_cluster(OTHER_ID, fingerprint=key_fingerprint(GRAZ.public_key()), actor=actor)
    job = request_look(actor=actor)
    done(job)
    Cluster.objects.update(keys={"tomcat": "SHA256:other"})
    said = failed(request_import(job.plan, shown=job.plan.digest, actor=actor))
    assert "not signed by a key of" in said
    assert not Certificate.objects.trust().exists()
    assert timezone.now() - job.plan.made_at < timedelta(minutes=5)


@pytest.mark.spec("BK-4")
@pytest.mark.parametrize("what", ["time", "policy"])
def test_what_was_fit_when_it_was_shown_may_not_be_fit_when_it_is_imported(
    node: Node, directory: Path, save: Save, actor: Actor, settings: Settings, what: str
) -> None:
    save()
    done(request_export("tomcat", actor=actor))
    weak = key("rsa-1024")
    graz_exports(directory, certificate(weak, "weak.example.org"))
    done(request_consolidate(actor=actor))
    confirm_cluster(OTHER_ID, fingerprint=key_fingerprint(GRAZ.public_key()), actor=actor)
    job = request_look(actor=actor)
    assert "1 new" in done(job)
    request = request_import(job.plan, shown=job.plan.digest, actor=actor)
    if what == "policy":
        settings.CCXSEC_ALLOW_LEGACY = False
        assert "weak, which is forbidden here now" in failed(request)
    else:
        century = timezone.now() + 2 * CENTURY
        with patch("bulk.operations.import_plan.timezone.now", return_value=century):
            assert "has expired since you looked" in failed(request)
    assert not Certificate.objects.trust().exists()


@pytest.mark.spec("BK-5")
def test_a_password_is_not_said_to_a_server_with_another_key_by_itself(
    sftp: SshServer, save: Save, actor: Actor
) -> None:
    needs_root_for_passwords()
    save(private_key="", password=sftp.password)
    pinned = ExchangeServer.objects.current().host_key
    ExchangeServer.objects.update(host_key="ssh-ed25519 " + "A" * 68)
    with pytest.raises(Refused) as refused:  # somebody who confirms his own server's key
        save(private_key="")
    assert refused.value.code == "reach.secret"
    assert pin_host_key(fingerprint=sftp.fingerprint, actor=actor)
    assert ExchangeServer.objects.current().host_key == pinned
    assert "is to be given again" in failed(request_survey(actor=actor))
    save(private_key="", password=sftp.password)
    assert not pin_host_key(fingerprint=sftp.fingerprint, actor=actor)  # it is that one
    done(request_survey(actor=actor))


def needs_root_for_passwords() -> None:
    if os.geteuid() != 0:
        pytest.skip("run as root: another user's sshd takes no passwords")
