"""The checks of an own certificate that a CA has signed (CM-20, CM-22, CM-23)."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from hashlib import sha256

from cryptography.x509 import load_der_x509_certificate

from certificates.cells import at
from certificates.models import Certificate, Node, PrivateKey, Purpose, Service, SigningRequest
from certificates.operations.examination import (
    Examination,
    Item,
    Role,
    passed,
    title_of,
    under_policy,
    warned,
)
from certificates.operations.key_owner import KeyOwner, key_fingerprint, owner_of
from certificates.operations.paths import path_in_store
from certificates.refusal import Finding
from certificates.sentence import replaced, say, say_count, together
from certificates.x509.chain import PathVerdict
from certificates.x509.comparison import Difference, compare, difference_of_names
from certificates.x509.facts import read_facts
from certificates.x509.object_names import KEY_PURPOSES
from certificates.x509.reading import ReadCertificate, Upload

_ANY_PURPOSE, _SERVER = "2.5.29.37.0", "1.3.6.1.5.5.7.3.1"
# IPSec End System, IKE (RFC 4945, 5.1.3.12), and the IKE intermediate that peers of old ask for.
_IPSEC = {"1.3.6.1.5.5.7.3.5", "1.3.6.1.5.5.7.3.17", "1.3.6.1.5.5.8.2.2"}
ACCEPTED_PURPOSES = {
    Service.TOMCAT: {_SERVER, _ANY_PURPOSE},
    Service.IPSEC: {_SERVER, _ANY_PURPOSE, *_IPSEC},
}
STRONGER = say("Have the CA sign it with SHA-256 or stronger.")
# What the reading marks only, and an identity may not have.
_NOT_IN_AN_IDENTITY = {"serial", "signature.weak"}


def examine_identity(node: Node, purpose: Purpose, upload: Upload, now: datetime) -> Examination:
    """Judge a certificate, alone or with its issuers, for an own purpose of a node."""
    read = _identity_of(node, purpose, upload)
    if read is None:
        return Examination(node, purpose, (_only_authorities(purpose, upload),), upload.form)
    owner = owner_of(node, purpose, read)
    nodes = owner.nodes or (node,)
    held = Certificate.objects.active().for_purpose(purpose).filter(node__in=nodes)
    replaces = tuple(held.select_related("node").order_by("node"))
    others = [other for other in upload.certificates if other is not read]
    above = [other.der for other in others if other.is_ca]
    begin = max(now, read.facts.not_before or now)  # that it begins later is a check of its own
    verdicts = {at: path_in_store(at, purpose, read.der, more=above, now=begin) for at in nodes}
    issuers = _issuers(others, verdicts)
    checks = [
        _held(upload, issuers),
        *_marked(upload, read, issuers),
        _purpose(purpose, read),
        owner.finding,
        _signed_with_rsa(read),
        _usage(purpose, read),
        _validity(read, now),
        *_path(purpose, verdicts),
        *_left_out(others, issuers),
        *_differences(owner, read),
        *_known(purpose, replaces, read),
    ]
    return Examination(
        node,
        purpose,
        under_policy(checks),
        form=upload.form,
        items=(Item(read, Role.IDENTITY), *_items(purpose, nodes, others, issuers)),
        path=tuple(sha256(der).hexdigest() for der in _first_failing(verdicts).path),
        nodes=nodes,
        replaces=replaces,
        request=owner.request,
        key=owner.key,
    )


def _identity_of(node: Node, purpose: Purpose, upload: Upload) -> ReadCertificate | None:
    """The one whose key is ours; else the first that is no CA's. None: the file holds only CAs.

    Of several of ours that with the key of the pending request: a file may hold old answers, too.
    """
    keys = PrivateKey.objects.filter(
        public_key_fingerprint__in=[key_fingerprint(read) for read in upload.certificates]
    )
    ours = set(keys.values_list("public_key_fingerprint", flat=True))
    pending = SigningRequest.objects.pending().for_place(node, purpose)
    first = set(pending.values_list("public_key_fingerprint", flat=True))
    matching = [read for read in upload.certificates if key_fingerprint(read) in ours]
    matching.sort(key=lambda read: key_fingerprint(read) not in first)
    servers = [read for read in upload.certificates if not read.is_ca]
    return next(iter([*matching, *servers]), None)


def _only_authorities(purpose: Purpose, upload: Upload) -> Finding:
    many = len(upload.certificates)
    what = say("Each of the {many} certificates", many=many)
    if many == 1:
        what = title_of(upload.certificates[0])
    wrong = say(
        "{what} is the certificate of a CA; {purpose} takes the certificate of a server.",
        what=what,
        purpose=purpose,
    )
    return Finding(
        "purpose.wrong", wrong, say("Choose {service}-trust for it.", service=purpose.service)
    )


def _issuers(
    others: Sequence[ReadCertificate], verdicts: dict[Node, PathVerdict]
) -> list[ReadCertificate]:
    """Those in the file that the path goes over: nothing else of it comes into a trust store."""
    used = {der for verdict in verdicts.values() for der in verdict.path}
    return [other for other in others if other.der in used]


def _held(upload: Upload, issuers: Sequence[ReadCertificate]) -> Finding:
    many = len(upload.certificates)
    if not issuers:
        told = say_count(
            "One certificate in {form}, read completely.",
            "{count} certificates in {form}, read completely.",
            many,
            form=upload.form,
        )
        return passed("parse", told)
    told = say(
        "{count} certificates in {form}, {issuers} of them issuers of the server's, read "
        "completely.",
        count=many,
        form=upload.form,
        issuers=len(issuers),
    )
    return passed("parse", told)


def _marked(
    upload: Upload, read: ReadCertificate, issuers: Sequence[ReadCertificate]
) -> Iterator[Finding]:
    """What the reading noticed; some of it an identity or an issuer may not have."""
    of_certificates = {id(found) for one in upload.certificates for found in one.warnings}
    yield from (found for found in upload.warnings if id(found) not in of_certificates)
    for found in read.warnings:
        refused = found.code in _NOT_IN_AN_IDENTITY or read.is_partly_readable
        yield _failed(found) if refused else found
    for issuer in issuers:
        for found in issuer.warnings:
            yield _failed(found) if is_weak_link(found, issuer) else found


def is_weak_link(found: Finding, read: ReadCertificate) -> bool:
    """Nobody relies on the signature of a root, but on that of an intermediate."""
    return found.code == "signature.weak" and not read.is_self_signed


def _failed(found: Finding) -> Finding:
    cure = found.cure or say("Have the CA issue another one.")
    if found.code == "signature.weak":
        cure = STRONGER
    return Finding(found.code, found.sentence, cure)


def _purpose(purpose: Purpose, read: ReadCertificate) -> Finding:
    if read.is_ca:
        wrong = say(
            "{what} has your key, but it is the certificate of a CA: whoever holds the key could "
            "sign certificates.",
            what=title_of(read),
        )
        return Finding("identity.ca", wrong, say("Have the request signed as a server's."))
    return passed(
        "purpose.wrong", say("The certificate of a server: it fits {purpose}.", purpose=purpose)
    )


def _signed_with_rsa(read: ReadCertificate) -> Finding:
    algorithm = read.facts.signature_algorithm
    if "RSA" not in algorithm:
        wrong = say(
            "It is signed with {algorithm}; this product takes RSA-signed certificates.",
            algorithm=algorithm,
        )
        return Finding("identity.rsa", wrong, say("Ask the CA for a certificate signed with RSA."))
    return passed("identity.rsa", say("Signed with RSA ({algorithm}).", algorithm=algorithm))


def _usage(purpose: Purpose, read: ReadCertificate) -> Finding:
    usages = read.extended_key_usages
    if usages is None:
        return passed("identity.usage", say("It is not limited to any extended key usage."))
    if not ACCEPTED_PURPOSES[purpose.service].intersection(usages):
        listed = ", ".join(KEY_PURPOSES.get(usage, usage) for usage in usages[:10])
        wrong = say(
            "Its extended key usages ({listed}) lack TLS Web Server Authentication.", listed=listed
        )
        return Finding("identity.usage", wrong, say("Have the CA issue it for a server."))
    return passed(
        "identity.usage",
        say("Its extended key usages let it serve {service}.", service=purpose.service),
    )


def _validity(read: ReadCertificate, now: datetime) -> Finding:
    begin, end = read.facts.not_before, read.facts.not_after
    if end is None or end < now:
        wrong = say("It has expired: it was valid until {at}.", at=at(end)) if end else ""
        return Finding(
            "validity", wrong or say("Its end can't be read."), say("Ask the CA for a new one.")
        )
    if begin is None or begin > now:
        wrong = say("It is not valid yet: it begins on {at}.", at=at(begin)) if begin else ""
        cure = say("Wait, or look at the clock of this server and of the CA.")
        return warned("validity", wrong or say("Its beginning can't be read."), cure)
    days = (end - now).days
    return passed(
        "validity", say("Valid now, until {end} ({days} days).", end=f"{end:%Y-%m-%d}", days=days)
    )


def _first_failing(verdicts: dict[Node, PathVerdict]) -> PathVerdict:
    ordered = list(verdicts.values())
    return next((verdict for verdict in ordered if not verdict.trusted), ordered[0])


def _path(purpose: Purpose, verdicts: dict[Node, PathVerdict]) -> Iterator[Finding]:
    verdict = _first_failing(verdicts)
    store = f"{purpose.service}-trust"
    if verdict.trusted:
        yield passed("path", path_in_words(verdict, store))
        yield from verdict.findings
        return
    node = next(node for node, found in verdicts.items() if found is verdict)
    if len(verdicts) > 1:
        store = say("{store} of {node}", store=store, node=node)
    for found in verdict.findings:
        cure = replaced(found.cure, say("the trust store"), store)
        sentence = replaced(found.sentence, say("the trust store"), store)
        yield Finding(found.code, sentence, cure, found.outcome, found.is_legacy)


def path_in_words(verdict: PathVerdict, store: str) -> str:
    """How far up it goes, and what clients must know themselves."""
    end, count = read_facts(verdict.path[-1]), len(verdict.path)
    if end.subject_digest == end.issuer_digest:
        return say(
            "A path of {count} certificates ends in {store}, at a root.", count=count, store=store
        )
    return say(
        "A path of {count} certificates ends in {store}, at {name}. Its issuer, {issuer}, is not "
        "here: if that is no root which clients know, they will refuse the server until it is "
        "uploaded, too.",
        count=count,
        store=store,
        name=end.common_name or end.subject,
        issuer=end.issuer_common_name or end.issuer,
    )


def _left_out(
    others: Sequence[ReadCertificate], issuers: Sequence[ReadCertificate]
) -> Iterator[Finding]:
    for other in others:
        if other not in issuers:
            what = title_of(other)
            wrong = say("{what} is in the file, and its path doesn't need it.", what=what)
            yield warned("path.unrelated", wrong, say("It is left out; nothing of it is kept."))


def _differences(owner: KeyOwner, read: ReadCertificate) -> Iterator[Finding]:
    """What the CA changed: names are confirmed, usages it left out are only told."""
    if owner.request:
        against = say("the request")
        found: Sequence[Difference] = compare(owner.request.pem.encode(), read.der)
    elif owner.current:
        against = say("the present certificate")
        before = load_der_x509_certificate(bytes(owner.current.der))
        found = difference_of_names(before, load_der_x509_certificate(read.der))
    else:
        return
    names = [one for one in found if one.part in ("subject", "alternative names")]
    for one in names:
        lost = say("Clients that use a missing name will refuse it: ask the CA, or confirm it.")
        added = say("Nobody asked for the extra ones: look whether they are yours.")
        cure = together(lost if one.missing else "", added if one.extra else "")
        told: str = one
        if owner.current:
            told = replaced(one, say("asked for"), say("in it"))
        yield warned(
            "identity.names", say("Against {against}: {told}", against=against, told=told), cure
        )
    if not names:
        yield passed(
            "identity.names",
            say("Subject and alternative names are those of {against}.", against=against),
        )
    for one in found:
        if one not in names and one.part != "key":
            yield passed("identity.usage", say("Told only: {one}", one=one))


def _known(
    purpose: Purpose, replaces: Sequence[Certificate], read: ReadCertificate
) -> Iterator[Finding]:
    holders = [row.node for row in replaces if row.fingerprint == read.facts.fingerprint]
    if holders:
        wrong = say(
            "It is in force already for {purpose} of {nodes}.",
            purpose=purpose,
            nodes=", ".join(map(str, holders)),
        )
        yield warned("identity.known", wrong, say("Nothing of it would change there."))


def _items(
    purpose: Purpose,
    nodes: Sequence[Node],
    others: Sequence[ReadCertificate],
    issuers: Sequence[ReadCertificate],
) -> Iterator[Item]:
    store = Certificate.objects.trust().filter(
        purpose=f"{purpose.service}-trust",
        fingerprint__in=[one.facts.fingerprint for one in others],
    )
    known = set(store.values_list("node", "fingerprint"))
    for other in others:
        if other not in issuers:
            yield Item(other, Role.NONE)
            continue
        fingerprint = other.facts.fingerprint
        missing = tuple(node for node in nodes if (node.pk, fingerprint) not in known)
        yield Item(other, Role.ISSUER, missing)
