"""Upload: every check with its outcome, the installation in one step, and who wins (CM-11 on)."""

from datetime import datetime, timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone
from pytest_django import Settings

from certificates.access import Actor
from certificates.models import (
    BackupReminder,
    Certificate,
    Deployment,
    Event,
    Node,
    Purpose,
    RequestState,
    RestartNotice,
    SigningRequest,
    State,
)
from certificates.operations.examination import WARNINGS, Examination
from certificates.operations.request import PENDING, cancel_request
from certificates.operations.upload import examine, install_upload
from certificates.refusal import Refused
from tests.certificates.authority import ISSUING, Authority
from tests.certificates.conftest import Ask, Put, active, outcomes


def judged(node: Node, data: bytes, purpose: str = "tomcat", **when: datetime) -> Examination:
    return examine(node, Purpose(purpose), data, now=when.get("now", timezone.now()))


@pytest.mark.spec("CM-12", "CM-20", "CM-24")
@pytest.mark.parametrize("form", ["pem", "der"])
def test_an_answer_is_installed_as_it_was_signed(
    form: str, request_: SigningRequest, node: Node, put: Put, ca: Authority
) -> None:
    former = active(node)
    put(ca.root, "tomcat-trust")
    answer = ca.sign(request_.pem, by="root")

    done = put(ca.der(answer) if form == "der" else answer)

    row = active(node)
    assert bytes(row.der) == ca.der(answer)
    assert done.identities == (row,)
    assert row.type == "ca-signed"
    assert row.description == "Certificate Signed by Lab Root"
    request_.refresh_from_db()
    former.refresh_from_db()
    assert row.private_key == request_.private_key
    assert (request_.state, request_.certificate) == (RequestState.CONSUMED, row)
    assert (former.state, former.private_key is not None) == (State.SUPERSEDED, True)


@pytest.mark.spec("CM-7", "CM-10")
def test_asks_for_restarts_a_backup_and_deploys(
    request_: SigningRequest, node: Node, put: Put, ca: Authority
) -> None:
    second = Node.objects.create(host_name="ccx2.example.com")
    generation = Deployment.objects.get(node=node, service="tomcat").generation

    done = put(ca.pkcs7(ca.sign(request_.pem), ca.sub))

    notices = {notice.node: notice for notice in RestartNotice.objects.open()}
    assert set(notices) == {node, second}
    assert notices[node].expected == active(node).fingerprint
    assert "tomcat of" in BackupReminder.objects.open().get().reason
    assert Deployment.objects.get(node=node, service="tomcat").generation == generation + 1
    assert [job.target for job in done.jobs] == ["tomcat on ccx1.example.com"]


@pytest.mark.spec("CM-23")
@pytest.mark.parametrize("turned", [False, True])
def test_a_chain_brings_its_issuers_into_the_store_in_one_step(
    turned: bool, request_: SigningRequest, node: Node, put: Put, ca: Authority
) -> None:
    chain = [ca.sign(request_.pem), ca.sub, ca.root]
    put(ca.pkcs7(*(chain[::-1] if turned else chain)))

    store = node.certificates.active().for_purpose(Purpose.TOMCAT_TRUST)
    assert {row.common_name for row in store} == {"Lab Sub", "Lab Root"}
    assert active(node).common_name == "ccx1.example.com"


@pytest.mark.spec("CM-21")
def test_the_subordinate_alone_is_enough(
    request_: SigningRequest, node: Node, put: Put, ca: Authority
) -> None:
    put(ca.sub, "tomcat-trust")

    assert put(ca.sign(request_.pem)).identities


@pytest.mark.spec("CM-13", "CM-20")
def test_a_missing_subordinate_is_named_and_nothing_changes(
    request_: SigningRequest, node: Node, put: Put, ca: Authority
) -> None:
    put(ca.root, "tomcat-trust")
    answer, before = ca.sign(request_.pem), active(node)

    examined = judged(node, answer)

    assert examined.reason == "path.no-issuer"
    assert examined.failed
    assert "Lab Sub" in examined.failed.sentence
    with pytest.raises(Refused, match="Lab Sub"):
        put(answer)
    assert active(node) == before
    assert SigningRequest.objects.pending().get() == request_


@pytest.mark.spec("CM-20")
@pytest.mark.parametrize("pending", [True, False])
def test_a_key_that_is_not_here_is_refused(
    pending: bool, node: Node, ask: Ask, ca: Authority
) -> None:
    if pending:
        ask()
    ca.run("req", "-new", "-key", "root.key", "-out", "x.csr", "-subj", "/CN=x")
    foreign = ca.sign((ca.folder / "x.csr").read_text())

    examined = judged(node, ca.pkcs7(foreign, ca.sub))

    assert examined.reason == "identity.key"
    assert examined.failed
    assert ("neither that of the pending" if pending else "No request is pending") in str(
        examined.failed
    )


@pytest.mark.spec("CM-20")
@pytest.mark.parametrize("how", ["superseded", "cancelled"])
def test_the_answer_to_a_former_request_is_named_with_its_date(
    how: str, request_: SigningRequest, node: Node, ask: Ask, actor: Actor, ca: Authority
) -> None:
    if how == "superseded":
        ask(replacing=[request_.pk], confirmed=[PENDING])
    else:
        cancel_request(request_, actor=actor, now=timezone.now())

    examined = judged(node, ca.pkcs7(ca.sign(request_.pem), ca.sub))

    assert examined.reason == "identity.stale"
    assert examined.failed
    assert f"{request_.created_at:%Y-%m-%d %H:%M}" in examined.failed.sentence
    assert how in examined.failed.sentence


def test_the_answer_to_another_place_is_sent_there(node: Node, ask: Ask, ca: Authority) -> None:
    request = ask(Purpose.IPSEC)

    examined = judged(node, ca.pkcs7(ca.sign(request.pem), ca.sub))

    assert examined.reason == "identity.key"
    assert examined.failed
    assert "Upload it to ipsec of ccx1.example.com" in examined.failed.cure


@pytest.mark.spec("CM-20")
def test_a_renewal_with_the_present_key_needs_no_request(
    request_: SigningRequest, node: Node, put: Put, ca: Authority
) -> None:
    put(ca.pkcs7(ca.sign(request_.pem), ca.sub))
    former = active(node)

    done = put(ca.sign(request_.pem, days=200))

    assert active(node) == done.identities[0] != former
    assert active(node).private_key == former.private_key
    assert active(node).not_after > former.not_after  # type: ignore[operator]


@pytest.mark.spec("CM-22")
@pytest.mark.parametrize(
    ("which", "purpose", "right"),
    [
        ("root", "tomcat", "tomcat-trust"),
        ("sub", "ipsec", "ipsec-trust"),
        ("answer", "tomcat-trust", "tomcat"),
        ("answer", "ipsec-trust", "ipsec"),
    ],
)
def test_the_wrong_purpose_is_refused_and_the_right_one_named(
    which: str, purpose: str, right: str, request_: SigningRequest, node: Node, ca: Authority
) -> None:
    data = ca.sign(request_.pem) if which == "answer" else getattr(ca, which)

    examined = judged(node, data, purpose)

    assert examined.reason == "purpose.wrong"
    assert examined.failed
    assert f"Choose {right} for it." in examined.failed.cure


@pytest.mark.spec("CM-15")
def test_directory_trust_is_no_purpose(node: Node, ca: Authority) -> None:
    with pytest.raises(Refused) as refusal:
        examine(node, "directory-trust", ca.root, now=timezone.now())

    assert refusal.value.code == "purpose.directory"


@pytest.mark.spec("CM-20")
def test_an_answer_that_is_not_signed_with_rsa_is_refused(
    request_: SigningRequest, node: Node, tmp_path_factory: pytest.TempPathFactory
) -> None:
    curved = Authority(tmp_path_factory.mktemp("ec"), "Curved", "ec")

    examined = judged(node, curved.pkcs7(curved.sign(request_.pem), curved.sub))

    assert examined.reason == "identity.rsa"


@pytest.mark.parametrize(
    ("extensions", "code"),
    [
        (ISSUING[:2], "identity.ca"),
        (("extendedKeyUsage=clientAuth",), "identity.usage"),
        (("extendedKeyUsage=codeSigning,emailProtection",), "identity.usage"),
    ],
)
def test_what_a_server_cannot_be_is_refused(
    extensions: tuple[str, ...], code: str, request_: SigningRequest, node: Node, ca: Authority
) -> None:
    answer = ca.sign(request_.pem, *extensions)

    assert outcomes(judged(node, ca.pkcs7(answer, ca.sub)))[code] == "fail"


@pytest.mark.spec("CM-20")
def test_an_answer_that_has_expired_is_refused_and_one_from_the_future_marked(
    request_: SigningRequest, node: Node, ca: Authority
) -> None:
    chain, now = ca.pkcs7(ca.sign(request_.pem, days=30), ca.sub), timezone.now()

    late = judged(node, chain, now=now + timedelta(days=31))
    early = judged(node, chain, now=now - timedelta(hours=2))

    assert outcomes(late)["validity"] == "fail"
    assert outcomes(early)["validity"] == "warn"


def test_weak_signatures_are_refused_on_an_identity_and_an_intermediate(
    request_: SigningRequest, node: Node, ca: Authority
) -> None:
    answer = ca.sign(request_.pem, digest="sha1")
    (ca.folder / "extensions").write_text("\n".join(ISSUING))
    signing = ["x509", "-req", "-in", "sub.csr", "-CA", "root.pem", "-CAkey", "root.key", "-sha1"]
    weak = ca.run(*signing, "-extfile", "extensions", "-days", "9")

    assert outcomes(judged(node, ca.pkcs7(answer, ca.sub)))["signature.weak"] == "fail"
    assert judged(node, weak, "tomcat-trust").reason == "signature.weak"


def test_a_legacy_key_can_be_forbidden(
    node: Node, ask: Ask, ca: Authority, settings: Settings
) -> None:
    request = ask(key="rsa-1024", confirmed=["confirm.legacy"])
    chain = ca.pkcs7(ca.sign(request.pem), ca.sub)

    allowed = judged(node, chain)
    settings.CCXSEC_ALLOW_LEGACY = False
    forbidden = judged(node, chain)

    assert allowed.accepted
    assert outcomes(allowed)["key.weak"] == "warn"
    assert forbidden.reason == "key.weak"


def test_missing_and_extra_names_are_told_and_confirmed(
    request_: SigningRequest, node: Node, actor: Actor, ca: Authority
) -> None:
    answer = ca.sign(request_.pem, names="DNS:other.example.com", subject="/CN=other.example.com")
    data, now = ca.pkcs7(answer, ca.sub), timezone.now()

    examined = judged(node, data)

    told = " ".join(check.sentence for check in examined.warnings)
    for words in ("missing DNS: ccx1.example.com", "192.0.2.10", "extra DNS: other.example.com"):
        assert words in told
    with pytest.raises(Refused) as refusal:
        install_upload(node, "tomcat", data, shown=examined.shown, actor=actor, now=now)
    assert refusal.value.code == WARNINGS
    assert active(node).type == "self-signed"


def test_an_unrelated_certificate_of_the_file_stays_out(
    request_: SigningRequest, node: Node, put: Put, ca: Authority, other_ca: Authority
) -> None:
    data = ca.pkcs7(ca.sign(request_.pem), ca.sub, other_ca.root)

    assert outcomes(judged(node, data))["path.unrelated"] == "warn"
    put(data)

    store = node.certificates.active().for_purpose(Purpose.TOMCAT_TRUST)
    assert [row.common_name for row in store] == ["Lab Sub"]


def test_the_certificate_that_is_in_force_changes_nothing(
    request_: SigningRequest, node: Node, put: Put, ca: Authority
) -> None:
    chain = ca.pkcs7(ca.sign(request_.pem), ca.sub)
    put(chain)
    before, events = active(node), Event.objects.count()

    done = put(chain)

    assert outcomes(done.examination)["identity.known"] == "warn"
    assert (active(node), Event.objects.count()) == (before, events)


@pytest.mark.spec("CM-13")
def test_what_is_no_certificate_is_one_check_that_fails(node: Node, ca: Authority) -> None:
    key = (ca.folder / "root.key").read_bytes()

    examined = judged(node, ca.root + key)

    assert [check.code for check in examined.checks] == ["key.included"]
    assert not examined.items


def test_what_changed_since_it_was_shown_is_not_installed(
    request_: SigningRequest, node: Node, actor: Actor, put: Put, ask: Ask, ca: Authority
) -> None:
    data, now = ca.pkcs7(ca.sign(request_.pem), ca.sub), timezone.now()
    shown = examine(node, Purpose.TOMCAT, data, now=now).shown
    put(ca.sub, "tomcat-trust")

    with pytest.raises(Refused) as refusal:
        install_upload(
            node, "tomcat", data, shown=shown, confirmed=[WARNINGS], actor=actor, now=now
        )

    assert refusal.value.code == "state.changed"
    assert active(node).type == "self-signed"


def test_asks_for_the_permission(node: Node, nobody: Actor, ca: Authority) -> None:
    with pytest.raises(PermissionDenied):
        install_upload(node, "tomcat-trust", ca.root, shown="", actor=nobody, now=timezone.now())


@pytest.mark.spec("CM-16", "CM-20")
def test_a_multi_server_identity_is_installed_on_all_its_nodes_at_once(
    node: Node, ask: Ask, put: Put, ca: Authority
) -> None:
    second = Node.objects.create(host_name="ccx2.example.com", addresses=["192.0.2.20"])
    request = ask(others=[second])
    answer = ca.sign(request.pem)
    put(ca.sub, "tomcat-trust")
    assert judged(node, answer).reason == "path.no-issuer"  # the second node's store is empty

    put(ca.pkcs7(answer, ca.sub))

    one, other = active(node), active(second)
    assert one.fingerprint == other.fingerprint
    assert one.private_key == other.private_key == request.private_key
    assert "multi-server" in one.description
    stores = Certificate.objects.trust().filter(common_name="Lab Sub")
    assert {row.node for row in stores} == {node, second}
    expected = {notice.node: notice.fingerprint for notice in RestartNotice.objects.open()}
    assert expected == {node: "", second: one.fingerprint}  # its trust store changed before, too

    done = put(ca.sign(request.pem, days=300))  # renewed with the same key: on both again

    assert {row.node for row in done.identities} == {node, second}
