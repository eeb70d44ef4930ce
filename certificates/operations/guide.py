"""Where the operator stands in the third-party CA procedure, by what is really there (CM-19)."""

from dataclasses import dataclass

from certificates.cells import at
from certificates.models import (
    Certificate,
    Node,
    Purpose,
    RequestState,
    RestartNotice,
    SigningRequest,
)
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
    present = node.certificates.active().for_purpose(purpose).first()
    request = _request_of(node, purpose, present)
    installed = present if request and not request.is_pending else None
    authority = _newest_authority(node, purpose)
    has_authority = authority is not None
    due = RestartNotice.objects.open().filter(service=purpose.service.value)
    waiting = [str(notice.node) for notice in due.in_restart_order().select_related("node")[:10]]
    store = f"{purpose.service}-trust"
    steps = [
        (f"Generate a CSR for {purpose}", request is not None, _request(request), "request", ""),
        ("Download the CSR", _downloaded(request), _download(request), "download", ""),
        (
            "Have the CA sign it",
            installed is not None,
            "its answer was installed" if installed else "at your CA; nothing to see from here",
            "",
            "",
        ),
        (
            "Get the CA's own certificate",
            has_authority,
            "it is in the trust store"
            if has_authority
            else "from your CA: its root or subordinate",
            "",
            "",
        ),
        (f"Upload it to {store}", has_authority, _authority(authority, store), "upload", store),
        (
            f"Upload the signed certificate to {purpose}",
            installed is not None,
            _installed(installed),
            "upload",
            purpose.value,
        ),
        (
            "Restart the service on every node",
            installed is not None and not waiting,
            _restart(installed, waiting),
            "restart",
            "",
        ),
    ]
    # Steps 3 and 4 happen elsewhere: who has uploaded the CA's certificate is beyond them.
    elsewhere = {2, 3} if has_authority else set()
    following = next(
        (n for n, (_, is_done, *_) in enumerate(steps) if not is_done and n not in elsewhere), None
    )
    return [
        Step(n + 1, title, is_done, seen, link, of or purpose.value, n == following)
        for n, (title, is_done, seen, link, of) in enumerate(steps)
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
        return "no request was made yet"
    if request.is_pending:
        return f"pending since {at(request.created_at)}"
    return f"made {at(request.created_at)}, answered {at(request.closed_at)}"


def _downloaded(request: SigningRequest | None) -> bool:
    return request is not None and (request.downloaded_at is not None or not request.is_pending)


def _download(request: SigningRequest | None) -> str:
    if request and request.downloaded_at:
        return f"downloaded {at(request.downloaded_at)}"
    return "not downloaded here" if _downloaded(request) else "not downloaded yet"


def _authority(newest: Certificate | None, store: str) -> str:
    if newest is None:
        return f"{store} holds no CA yet; a chain with the CA's certificate does it in one step"
    return f"newest in {store}: {newest.file_name}, since {at(newest.created_at)}"


def _installed(installed: Certificate | None) -> str:
    if installed is None:
        return "not installed yet"
    return f"installed {at(installed.created_at)}, issued by {installed.issuer_common_name}"


def _restart(installed: Certificate | None, waiting: list[str]) -> str:
    if installed is None:
        return "after the installation"
    return f"due on {', '.join(waiting)}" if waiting else "done, or acknowledged"
