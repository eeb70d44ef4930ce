"""What would go wrong, asked before a policy is enabled; changes nothing (IP-7)."""

import socket
from collections.abc import Iterable
from datetime import datetime
from ipaddress import ip_address

import psutil
from cryptography import x509
from django.utils import timezone

from certificates.access import Actor, Permission
from certificates.refusal import Finding, Outcome, Refused
from ipsec.answering import Answer, ask
from ipsec.models import Policy
from ipsec.names import resolve
from ipsec.operations.examine import examine, overlaps_of
from ipsec.operations.wanted import Stores
from ipsec.policy.choices import Authentication, Protocol
from ipsec.policy.definition import FIELD_LABELS, Definition
from ipsec.policy.pair import shown
from ipsec.policy.rules import is_name, legacy_choices
from ipsec.strongswan import Daemon, DaemonError

ASK_PATIENCE = 1.0  # seconds for each of two messages to the peer


def preflight(
    definition: Definition,
    *,
    preshared_key: str = "",
    policy: Policy | None = None,
    client: str = "",
    actor: Actor,
) -> list[Finding]:
    """Each check with what it came to; takes up to 5 seconds, most of them at a silent peer.

    Args:
        preshared_key: a new one; "": the one that is kept.
        policy: that is to be changed or enabled; None: a new one.
        client: address that the operator's browser comes from; "": unknown.

    Raises:
        PermissionDenied: `actor` may not operate policies.
    """
    actor.require(Permission.OPERATE_POLICIES)
    found = [
        Finding(fault.code, fault.sentence, fault.cure)
        for fault in examine(definition, preshared_key=preshared_key, policy=policy)
    ]
    if not found:
        said = "The fields are whole, and agree with the other policies of the two hosts."
        found.append(passed("policy.fields", said))
    found += _of_choices(definition, policy)
    found.append(_of_daemon())
    resolved = resolve([address for address in definition.pair if is_name(address)])
    found += _of_addresses(definition, resolved)
    if definition.authentication is Authentication.CERTIFICATE:
        found += _of_certificates(definition, timezone.now())
    found += _of_consequences(definition, resolved, client)
    return found


def passed(code: str, sentence: str) -> Finding:
    """A check that found nothing wrong."""
    return Finding(code, sentence, outcome=Outcome.PASS)


def warned(code: str, sentence: str, cure: str) -> Finding:
    """A check whose result the operator has to weigh."""
    return Finding(code, sentence, cure, Outcome.WARN)


def _of_choices(definition: Definition, policy: Policy | None) -> Iterable[Finding]:
    weak = ", ".join(
        f"{FIELD_LABELS[field]} {label}" for field, label in legacy_choices(definition)
    )
    if weak:
        cure = "Choose stronger ones if the peer knows them."
        yield Finding("policy.weak", f"Legacy: {weak}.", cure, Outcome.WARN, is_legacy=True)
    for overlap in overlaps_of(definition, policy):
        yield warned("policy.overlap", str(overlap), "Look whether that is meant.")


def _of_daemon() -> Finding:
    try:
        with Daemon.open() as daemon:
            return passed("daemon.there", f"The IKE daemon is there: {daemon.version()}.")
    except DaemonError as error:
        return Finding(error.code, error.sentence, error.cure)


def _of_addresses(definition: Definition, resolved: dict[str, list[str]]) -> Iterable[Finding]:
    source, destination = definition.pair
    for name, addresses in resolved.items():
        if not addresses:
            wrong = f"{name} can't be resolved: none of its traffic would be held."
            yield Finding("policy.resolve", wrong, "Look at the name server, or write an address.")
        elif len(addresses) > 1:
            told = f"{name} has {len(addresses)} addresses: {', '.join(addresses[:4])}."
            cure = "Write the address that is meant, or a policy for each."
            yield warned("policy.addresses", f"{told} Only traffic with the first is held.", cure)
        else:
            yield passed("policy.resolve", f"{name} is {addresses[0]}.")
    own = _own_addresses()
    if not own & set(resolved.get(source, [source])):
        wrong = f"The source {source} is no address of this server."
        cure = f"This server has {', '.join(sorted(own)[:6])}."
        yield Finding("policy.source", wrong, cure)
    for address in resolved.get(destination, [destination])[:1]:
        yield _of_peer(address, definition.remote_port)


def _own_addresses() -> set[str]:
    kinds = {socket.AF_INET, socket.AF_INET6}
    return {
        entry.address.partition("%")[0]
        for entries in psutil.net_if_addrs().values()
        for entry in entries
        if entry.family in kinds
    }


def _of_peer(address: str, port: int) -> Finding:
    answer = ask(address, port, patience=ASK_PATIENCE)
    where = f"{address}, port {port}/udp"
    if answer is Answer.IKE:
        return passed("peer.answers", f"At {where} an IKE daemon answers.")
    if answer in {Answer.SILENCE, Answer.FORBIDDEN}:
        cure = "Look whether its IKE daemon runs and a firewall lets 500 and 4500/udp and ESP pass."
        return warned("peer.silent", f"{where}: {answer}.", cure)
    return Finding("peer.unreachable", f"{where}: {answer}.", "Start IPsec there, or mend the way.")


def _of_certificates(definition: Definition, now: datetime) -> Iterable[Finding]:
    stores = Stores()
    try:
        credentials = stores.credentials(definition)
    except Refused as refused:
        yield Finding(refused.code, refused.sentence, refused.cure)
        return
    yield _validity("This server's ipsec certificate", credentials.certificate, now)
    for der in credentials.peers if definition.certificate_name else ():
        yield _validity(f"The peer's certificate {definition.certificate_name}", der, now)
    if not definition.certificate_name:
        count = len(credentials.authorities)
        by = f"a certificate of one of {count} CAs" if count else "one of the servers' certificates"
        yield passed("policy.trust", f"The peer has to show {by} in the ipsec-trust store.")


def _validity(what: str, der: bytes, now: datetime) -> Finding:
    certificate = x509.load_der_x509_certificate(der)
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > end:
        cure = "Put a new one in its place under Certificate Management."
        return Finding("policy.expired", f"{what} expired on {end:%Y-%m-%d}.", cure)
    if now < begin:
        cure = "Look at the clocks, or wait until then."
        return Finding("policy.expired", f"{what} is valid from {begin:%Y-%m-%d %H:%M} on.", cure)
    return passed("policy.expired", f"{what} is valid until {end:%Y-%m-%d}.")


def _of_consequences(
    definition: Definition, resolved: dict[str, list[str]], client: str
) -> Iterable[Finding]:
    destination = definition.destination_address
    where = f"from {definition.source_address} to {destination} and back"
    what = _traffic(definition)
    cure = "Set the peer up in the same minute, or enable it on trial."
    said = f"Until the peer follows, {what}, {where}, is blocked."
    yield warned("policy.blocks", said, cure)
    if client and _same_host(client, resolved.get(destination, [destination])):
        wrong = f"You work from {client}, the policy's destination: it may cut you off."
        yield warned("policy.lock-out", wrong, "Enable it on trial: it is disabled by itself.")


def _traffic(definition: Definition) -> str:
    parts = []
    if definition.source_port:
        parts.append(f"from port {definition.source_port}")
    if definition.destination_port:
        parts.append(f"to port {definition.destination_port}")
    name = "all" if definition.protocol is Protocol.ANY else f"all {shown(definition.protocol)}"
    return " ".join([f"{name} traffic", *parts])


def _same_host(client: str, addresses: Iterable[str]) -> bool:
    try:
        return ip_address(client) in {ip_address(one) for one in addresses if not is_name(one)}
    except ValueError:
        return False
