"""Where the operator stands in the third-party CA procedure, by what is really there (CM-19)."""

from dataclasses import dataclass, replace

from certificates.cells import at
from certificates.models import (
    Certificate,
    Node,
    Purpose,
    RequestState,
    RestartNotice,
    SigningRequest,
)
from certificates.sentence import say
from certificates.x509.chain import is_authority

LOOKED_AT = 100  # of the newest trust certificates


@dataclass(frozen=True, slots=True)
class Step:
    """One of the seven: what to do, whether it is done, and by what that was seen.

    `link` names a dialog ("request", "download", "upload", "restart"; "" for what happens
    elsewhere), `purpose` what it is opened for.
    """

    number: int
    title: str
    is_done: bool
    seen: str
    link: str = ""
    purpose: str = ""
    is_next: bool = False


def steps_of(node: Node, purpose: Purpose) -> list[Step]:
    """The seven steps of the manual; the first that is not done is marked as the next."""
    standing = _standing(node, purpose)
    steps = [*_at_the_request(purpose, standing), *_at_the_upload(purpose, standing)]
    # Steps 3 and 4 happen elsewhere: who has uploaded the CA's certificate is beyond them.
    passed = {3, 4} if standing.authority else set()
    following = next((s for s in steps if not s.is_done and s.number not in passed), None)
    return [replace(step, is_next=step is following) for step in steps]


@dataclass(frozen=True, slots=True)
class _Standing:
    """What is really there. `waiting`: nodes whose service is still to be restarted."""

    request: SigningRequest | None
    installed: Certificate | None
    authority: Certificate | None
    waiting: list[str]


def _standing(node: Node, purpose: Purpose) -> _Standing:
    present = node.certificates.active().for_purpose(purpose).first()
    request = _request_of(node, purpose, present)
    due = RestartNotice.objects.open().filter(service=purpose.service.value)
    return _Standing(
        request,
        present if request and not request.is_pending else None,
        _newest_authority(node, purpose),
        [str(notice.node) for notice in due.in_restart_order().select_related("node")[:10]],
    )


def _at_the_request(purpose: Purpose, standing: _Standing) -> list[Step]:
    request, installed, own = standing.request, standing.installed, purpose.value
    signed = say("at your CA; nothing to see from here")
    if installed:
        signed = say("its answer was installed")
    there = say("from your CA: its root or subordinate")
    if standing.authority:
        there = say("it is in the trust store")
    make = say("Generate a CSR for {purpose}", purpose=purpose)
    return [
        Step(1, make, request is not None, _request(request), "request", own),
        Step(2, say("Download the CSR"), _downloaded(request), _download(request), "download", own),
        Step(3, say("Have the CA sign it"), installed is not None, signed),
        Step(4, say("Get the CA's own certificate"), standing.authority is not None, there),
    ]


def _at_the_upload(purpose: Purpose, standing: _Standing) -> list[Step]:
    installed, store = standing.installed, f"{purpose.service}-trust"
    is_there = installed is not None
    authority = _authority(standing.authority, store)
    install = say("Upload the signed certificate to {purpose}", purpose=purpose)
    is_restarted = is_there and not standing.waiting
    restarted = _restart(installed, standing.waiting)
    return [
        Step(
            5,
            say("Upload it to {store}", store=store),
            standing.authority is not None,
            authority,
            "upload",
            store,
        ),
        Step(6, install, is_there, _installed(installed), "upload", purpose.value),
        Step(7, say("Restart the service on every node"), is_restarted, restarted, "restart"),
    ]


def _request_of(node: Node, purpose: Purpose, present: Certificate | None) -> SigningRequest | None:
    """The pending one; else the one that the certificate in force has answered."""
    here = SigningRequest.objects.for_place(node, purpose).select_related("node")
    pending = here.pending().first()
    if pending or present is None:
        return pending
    return here.filter(state=RequestState.CONSUMED, private_key=present.private_key_id).first()


def _newest_authority(node: Node, purpose: Purpose) -> Certificate | None:
    """Among the certificates that came last; a store may hold servers' certificates, too."""
    store = node.certificates.active().for_purpose(Purpose(f"{purpose.service}-trust"))
    newest = store.order_by("-pk")[:LOOKED_AT]
    return next((row for row in newest if is_authority(bytes(row.der))), None)


def _request(request: SigningRequest | None) -> str:
    if request is None:
        return say("no request was made yet")
    if request.is_pending:
        return say("pending since {at}", at=at(request.created_at))
    made, answered = at(request.created_at), at(request.closed_at)
    return say("made {made}, answered {answered}", made=made, answered=answered)


def _downloaded(request: SigningRequest | None) -> bool:
    return request is not None and (request.downloaded_at is not None or not request.is_pending)


def _download(request: SigningRequest | None) -> str:
    if request and request.downloaded_at:
        return say("downloaded {at}", at=at(request.downloaded_at))
    return say("not downloaded here") if _downloaded(request) else say("not downloaded yet")


def _authority(newest: Certificate | None, store: str) -> str:
    if newest is None:
        return say(
            "{store} holds no CA yet; a chain with the CA's certificate does it in one step",
            store=store,
        )
    return say(
        "newest in {store}: {file_name}, since {at}",
        store=store,
        file_name=newest.file_name,
        at=at(newest.created_at),
    )


def _installed(installed: Certificate | None) -> str:
    if installed is None:
        return say("not installed yet")
    return say(
        "installed {at}, issued by {issuer}",
        at=at(installed.created_at),
        issuer=installed.issuer_common_name,
    )


def _restart(installed: Certificate | None, waiting: list[str]) -> str:
    if installed is None:
        return say("after the installation")
    if waiting:
        return say("due on {nodes}", nodes=", ".join(waiting))
    return say("done, or acknowledged")
