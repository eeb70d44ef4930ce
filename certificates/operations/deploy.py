"""Deploy: make a node's store equal to what the database intends (idempotent).

What is missing in a store is put back. What somebody changed there by hand is shown, and stays
until an operator says that it may be overwritten; only where no server could use the pair in force
is it replaced at once. Nothing is lost by that either: a version is never written to again.
"""

import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath

from cryptography.hazmat.primitives import hashes
from cryptography.x509 import load_pem_x509_certificate
from django.conf import settings
from django.db import transaction

from certificates.access import Actor, Permission
from certificates.models import Action, Deployment, Event, Node, Purpose, Secret, Service
from certificates.operations.store_content import Intended, read_intended
from certificates.reach.files import Files
from certificates.reach.node import files_of
from certificates.refusal import Refused
from certificates.store import CERTIFICATE, Look, Store, local_store
from certificates.web_server import check_pair

REMOTE_FOLDER = "/var/lib/ccxsec/store"  # on other servers, unless another one is set
LONGEST_WAIT = timedelta(minutes=15)  # between two tries of one that fails


@dataclass(frozen=True, slots=True)
class Deployed:
    """`changed`: something was written."""

    changed: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Checked:
    """How a store differs from what is intended; nothing: it is in force.

    Args:
        foreign: what was changed there by hand; it stays until it may be overwritten.
        behind: what the next deploy brings or puts back.
    """

    foreign: tuple[str, ...] = ()
    behind: tuple[str, ...] = ()

    @property
    def is_in_force(self) -> bool:
        return not self.foreign and not self.behind


def store_of(service: Service) -> Store:
    """The local node's store, to read from."""
    return local_store(folder_of(service))


def folder_of(service: Service) -> Path:
    """Where the local node's store is."""
    return Path(settings.CCXSEC_STORE) / service.value


def usual_folder(node: Node, service: Service) -> str:
    """Where a store is when nothing else is set."""
    return str(folder_of(service)) if node.is_local else f"{REMOTE_FOLDER}/{service}"


def deploy(
    node: Node, service: Service, *, overwrite: bool = False, actor: Actor, now: datetime
) -> str:
    """Put a node's active certificate and key of a service in force; says what it did.

    Args:
        overwrite: also what was changed on the node by hand.

    Raises:
        PermissionDenied: `actor` may not deploy.
        Refused: store.drift, certificate.missing, certificate.unusable, key.mismatch, and what
            `files_of` raises. The node still has its former version.
    """
    actor.require(Permission.DEPLOY)
    return deploy_noted(node, service, overwrite=overwrite, actor=actor, now=now).sentence


def check(node: Node, service: Service, *, actor: Actor, now: datetime) -> Checked:
    """Look at a node's store and keep what differs; nothing is written there.

    Raises:
        PermissionDenied: `actor` may not deploy.
        Refused: what `files_of` raises.
    """
    actor.require(Permission.DEPLOY)
    place = Deployment.objects.place(node, service)
    try:
        with files_of(node) as files:
            held = _store(place, files).look()
    except Refused as refused:
        _note_trouble(place, refused, now=now)
        raise
    checked = _compare(place, held)
    _note_check(place, checked.foreign, actor=actor, now=now)
    return checked


def inspect(place: Deployment) -> Checked:
    """The same for who only wants to know: nothing is kept, and no permission asked.

    Raises:
        Refused: what `files_of` raises.
    """
    with files_of(place.node) as files:
        return _compare(place, _store(place, files).look())


def deploy_noted(
    node: Node, service: Service, *, overwrite: bool, actor: Actor, now: datetime
) -> Deployed:
    """Deploy, and keep how it went beside the intent. Asks for no permission."""
    place = Deployment.objects.place(node, service)
    try:
        with files_of(node) as files:
            return _deploy(place, files, overwrite=overwrite, actor=actor, now=now)
    except Refused as refused:
        _note_trouble(place, refused, now=now)
        raise


def _deploy(
    place: Deployment, files: Files, *, overwrite: bool, actor: Actor, now: datetime
) -> Deployed:
    store, node, service = _store(place, files), place.node, place.service
    store.make()
    with files.locked(store.lock):
        held = store.look()
        found = _compare(place, held)
        if found.is_in_force:
            _note_in_force(place, held.generation, actor=actor, now=now)
            already = f"{node} holds the newest {service} certificate already."
            return Deployed(changed=False, sentence=already)
        _note_check(place, found.foreign, actor=actor, now=now)
        if found.foreign and not overwrite:
            raise _drift(place, found.foreign)
        intended = read_intended(
            place, held=held.generation, is_spoiled=not held.is_whole, actor=actor, now=now
        )
        files_of_it, is_foreign = _usable_files(intended), not held.is_signed
        if not store.publish(intended.generation, files_of_it, over_foreign=is_foreign):
            stale = f"Stale: a newer certificate of {service} is in force on {node} already."
            return Deployed(changed=False, sentence=stale)
    if found.foreign:
        with transaction.atomic():
            what = " ".join(found.foreign)[:300]
            Event.objects.record(str(actor), Action.STORE_OVERWRITE, place, what=what)
    _note_in_force(place, intended.generation, actor=actor, now=now)
    done = f"The {intended.certificate} is in the store of {node}, as version"
    return Deployed(changed=True, sentence=f"{done} {intended.generation}.")


def _store(place: Deployment, files: Files) -> Store:
    service = Service(place.service)
    return Store(
        files,
        PurePosixPath(place.folder or usual_folder(place.node, service)),
        about=f"{place.node_id} {service}",
        code_key=Secret.objects.obtain("store-manifest").unseal(),
        rights=files.rights(place.owner, place.group),
    )


def _compare(place: Deployment, held: Look) -> Checked:
    """What a store holds against what it should: the content, not only the numbers."""
    own = place.node.certificates.active().for_purpose(Purpose(place.service)).first()
    fresh = Deployment.objects.filter(pk=place.pk).values_list("generation", flat=True).first()
    foreign = held.foreign
    if held.generation and not held.is_signed and not held.foreign and not held.missing:
        if (held.files or held.has_others) and not _is_former(place, held, fresh or 0):
            foreign = ("Its files were not written by this product.",)
    elif foreign and held.generation and not _is_usable(held):
        return Checked(behind=(*foreign, "No server can use the pair that is in force there."))
    behind = [f"{name} is missing." for name in held.missing]
    if not held.generation and not foreign:
        behind.append("Nothing is in force there.")
    elif held.generation != (fresh or 0):
        behind.append(f"It holds version {held.generation}, version {fresh or 0} is intended.")
    elif not held.is_signed and not foreign:
        behind.append("There is no manifest of this product.")
    elif own is None or held.files.get(CERTIFICATE) != own.pem:
        behind.append("It holds another certificate than the one that is intended.")
    return Checked(foreign, tuple(behind) if not foreign else ())


def _is_former(place: Deployment, held: Look, generation: int) -> bool:
    """Whether a store without a manifest is as a version of this product without them wrote it."""
    leaf, chain = held.files.get(CERTIFICATE, b""), held.files.get("chain.pem", b"")
    if held.has_others or held.generation > generation or held.pair[0] != leaf + chain:
        return False
    try:
        shown = load_pem_x509_certificate(leaf)
    except ValueError:
        return False
    own = place.node.certificates.for_purpose(Purpose(place.service))
    return own.filter(fingerprint=shown.fingerprint(hashes.SHA256()).hex()).exists()


def _is_usable(held: Look) -> bool:
    """Some servers know the pass phrase of a key that is encrypted: it counts as usable."""
    if b"ENCRYPTED" in held.pair[1]:
        return True
    try:
        check_pair(*held.pair)
    except OSError:  # an SSLError is one
        return False
    return True


def _usable_files(intended: Intended) -> dict[str, bytes]:
    files = intended.files()
    try:
        check_pair(files["fullchain.pem"], files["key.pem"])
    except ssl.SSLError as error:
        wrong = f"The {intended.certificate} can't be used ({error.reason})"
        raise Refused(
            "certificate.unusable", f"{wrong}; the former one still is.", "Generate it again."
        ) from error
    return files


def _drift(place: Deployment, foreign: tuple[str, ...]) -> Refused:
    what = " ".join(foreign[:5])
    wrong = f"The store of {place} was changed by hand, and is left so: {what}"
    cure = f"Look at it there; then overwrite it: ./ccxsec cert deploy {place.service}"
    return Refused("store.drift", wrong, f"{cure} --node {place.node} --overwrite.")


def _note_in_force(place: Deployment, generation: int, *, actor: Actor, now: datetime) -> None:
    own = place.node.certificates.active().for_purpose(Purpose(place.service)).first()
    rows = Deployment.objects.filter(node=place.node, service=place.service)
    well = {"differs": [], "trouble": "", "failures": 0, "retry_at": None}
    rows.exclude(**well).update(**well)
    rows.update(checked_at=now)
    if not rows.filter(in_force__lt=generation).exists():
        return
    with transaction.atomic():
        Event.objects.hold()
        late = rows.filter(in_force__lt=generation)
        if late.update(in_force=generation, in_force_at=now) and own:
            Event.objects.record(str(actor), Action.CERTIFICATE_DEPLOY, own, generation=generation)


def _note_check(
    place: Deployment, foreign: tuple[str, ...], *, actor: Actor, now: datetime
) -> None:
    """Keep what was changed by hand; an event when it is found first."""
    rows = Deployment.objects.filter(node=place.node, service=place.service)
    known = rows.values_list("differs", flat=True).first()
    if foreign and known != list(foreign):
        with transaction.atomic():
            Event.objects.hold()
            rows.update(differs=list(foreign), checked_at=now, trouble="")
            what = " ".join(foreign)[:300]
            Event.objects.record(str(actor), Action.STORE_DRIFT, place, what=what)
    else:
        rows.update(differs=list(foreign), checked_at=now, trouble="")


def _note_trouble(place: Deployment, refused: Refused, *, now: datetime) -> None:
    if refused.code == "store.drift":
        return
    wait = min(LONGEST_WAIT, timedelta(minutes=2 ** min(place.failures, 10)))
    Deployment.objects.filter(node=place.node, service=place.service).update(
        trouble=str(refused)[:500], failures=place.failures + 1, retry_at=now + wait
    )
