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
from certificates.sentence import say, together
from ipsec.answering import Answer, ask
from ipsec.models import Policy
from ipsec.names import resolve
from ipsec.operations.examine import examine, named_choices, overlaps_of
from ipsec.operations.wanted import Stores
from ipsec.policy.choices import Authentication, Protocol
from ipsec.policy.definition import Definition
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
        said = say("The fields are whole, and agree with the other policies of the two hosts.")
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
    weak = legacy_choices(definition)
    if weak:
        cure = say("Choose stronger ones if the peer knows them.")
        yield Finding(
            "policy.weak",
            say("Legacy: {choices}.", choices=named_choices(weak)),
            cure,
            Outcome.WARN,
            is_legacy=True,
        )
    for overlap in overlaps_of(definition, policy):
        yield warned("policy.overlap", str(overlap), say("Look whether that is meant."))


def _of_daemon() -> Finding:
    try:
        with Daemon.open() as daemon:
            return passed(
                "daemon.there", say("The IKE daemon is there: {version}.", version=daemon.version())
            )
    except DaemonError as error:
        return Finding(error.code, error.sentence, error.cure)


def _of_addresses(definition: Definition, resolved: dict[str, list[str]]) -> Iterable[Finding]:
    source, destination = definition.pair
    for name, addresses in resolved.items():
        if not addresses:
            wrong = say("{name} can't be resolved: none of its traffic would be held.", name=name)
            yield Finding(
                "policy.resolve", wrong, say("Look at the name server, or write an address.")
            )
        elif len(addresses) > 1:
            told = say(
                "{name} has {count} addresses: {addresses}.",
                name=name,
                count=len(addresses),
                addresses=", ".join(addresses[:4]),
            )
            cure = say("Write the address that is meant, or a policy for each.")
            yield warned(
                "policy.addresses",
                together(told, say("Only traffic with the first is held.")),
                cure,
            )
        else:
            yield passed(
                "policy.resolve", say("{name} is {addresses}.", name=name, addresses=addresses[0])
            )
    own = _own_addresses()
    if not own & set(resolved.get(source, [source])):
        wrong = say("The source {source} is no address of this server.", source=source)
        cure = say("This server has {own}.", own=", ".join(sorted(own)[:6]))
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
    where = say("{address}, port {port}/udp", address=address, port=port)
    if answer is Answer.IKE:
        return passed("peer.answers", say("At {where} an IKE daemon answers.", where=where))
    told = say("{where}: {answer}.", where=where, answer=answer.label)
    if answer in {Answer.SILENCE, Answer.FORBIDDEN}:
        cure = say(
            "Look whether its IKE daemon runs and a firewall lets 500 and 4500/udp and ESP pass."
        )
        return warned("peer.silent", told, cure)
    return Finding("peer.unreachable", told, say("Start IPsec there, or mend the way."))


def _of_certificates(definition: Definition, now: datetime) -> Iterable[Finding]:
    stores = Stores()
    try:
        credentials = stores.credentials(definition)
    except Refused as refused:
        yield Finding(refused.code, refused.sentence, refused.cure)
        return
    yield _validity(say("This server's ipsec certificate"), credentials.certificate, now)
    for der in credentials.peers if definition.certificate_name else ():
        what = say("The peer's certificate {name}", name=definition.certificate_name)
        yield _validity(what, der, now)
    if not definition.certificate_name:
        count = len(credentials.authorities)
        said = say(
            "The peer has to show one of the servers' certificates in the ipsec-trust store."
        )
        if count:
            said = say(
                "The peer has to show a certificate of one of {count} CAs in the ipsec-trust"
                " store.",
                count=count,
            )
        yield passed("policy.trust", said)


def _validity(what: str, der: bytes, now: datetime) -> Finding:
    certificate = x509.load_der_x509_certificate(der)
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > end:
        cure = say("Put a new one in its place under Certificate Management.")
        return Finding(
            "policy.expired",
            say("{what} expired on {end}.", what=what, end=f"{end:%Y-%m-%d}"),
            cure,
        )
    if now < begin:
        cure = say("Look at the clocks, or wait until then.")
        return Finding(
            "policy.expired",
            say("{what} is valid from {begin} on.", what=what, begin=f"{begin:%Y-%m-%d %H:%M}"),
            cure,
        )
    return passed(
        "policy.expired", say("{what} is valid until {end}.", what=what, end=f"{end:%Y-%m-%d}")
    )


def _of_consequences(
    definition: Definition, resolved: dict[str, list[str]], client: str
) -> Iterable[Finding]:
    destination = definition.destination_address
    cure = say("Set the peer up in the same minute, or enable it on trial.")
    said = say(
        "Until the peer follows, {traffic}, from {source} to {destination} and back, is blocked.",
        traffic=_traffic(definition),
        source=definition.source_address,
        destination=destination,
    )
    yield warned("policy.blocks", said, cure)
    if client and _same_host(client, resolved.get(destination, [destination])):
        wrong = say(
            "You work from {client}, the policy's destination: it may cut you off.", client=client
        )
        yield warned("policy.lock-out", wrong, say("Enable it on trial: it is disabled by itself."))


def _traffic(definition: Definition) -> str:
    told = say("all traffic")
    if definition.protocol is not Protocol.ANY:
        told = say("all {protocol} traffic", protocol=definition.protocol.label)
    if definition.source_port:
        told = say("{traffic} from port {port}", traffic=told, port=definition.source_port)
    if definition.destination_port:
        told = say("{traffic} to port {port}", traffic=told, port=definition.destination_port)
    return told


def _same_host(client: str, addresses: Iterable[str]) -> bool:
    try:
        return ip_address(client) in {ip_address(one) for one in addresses if not is_name(one)}
    except ValueError:
        return False
