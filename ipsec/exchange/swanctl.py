"""The export as `swanctl.conf` of strongSwan 5.9 or later."""

from collections.abc import Iterator
from typing import TypeAlias

from ipsec.exchange.heading import KEY_PLACEHOLDER, heading
from ipsec.exchange.mirror import Connection, Mirror
from ipsec.policy.definition import IKE_PORT, Definition
from ipsec.policy.terms import NAT_PORT, esp_proposal, ike_proposal, selector

OWN_CERTIFICATE, PEER_CERTIFICATE = "ccxsec-own.pem", "ccxsec-peer.pem"
Section: TypeAlias = dict[str, "str | Section"]


def swanctl_conf(mirror: Mirror) -> str:
    """Connections, their children and their secrets; `swanctl --load-all` takes the file.

    The line with the key is a comment until a person completes it: a placeholder that is loaded
    would be a key that everybody knows.
    """
    connections: Section = {c.name: _connection(c) for c in mirror.connections}
    content: Section = {"connections": connections}
    secrets: Section = {f"ike-{c.name}": _secret(c) for c in mirror.connections if c.is_by_key}
    if secrets:
        content["secrets"] = secrets
    what = "swanctl.conf of strongSwan 5.9 or later"
    top = heading(mirror, mark="#", what=what, by_hand=_by_hand(mirror))
    return top + "".join(_lines(content, depth=0))


def _by_hand(mirror: Mirror) -> Iterator[str]:
    yield "Save this file as /etc/swanctl/conf.d/ccxsec.conf, readable by root only."
    if any(connection.is_by_key for connection in mirror.connections):
        yield (
            f"In the section secrets, take the # away and put the pre-shared key of these "
            f"policies in the place of {KEY_PLACEHOLDER}. It is not in this file."
        )
    if not all(connection.is_by_key for connection in mirror.connections):
        yield (
            f"Put this host's own certificate into /etc/swanctl/x509/{OWN_CERTIFICATE}, its key "
            "into /etc/swanctl/private/, and the CA of the other host into /etc/swanctl/x509ca/."
        )
    for connection in mirror.connections:
        if connection.is_pinned:
            yield (
                f"Put the certificate of {connection.shared.destination_address} into "
                f"/etc/swanctl/x509/{PEER_CERTIFICATE}: it alone is accepted."
            )
    for port in sorted({c.listens_at for c in mirror.connections} - {IKE_PORT, NAT_PORT}):
        yield f"In strongswan.conf, set charon.port_nat_t = {port} and restart the daemon."
    yield "Run: swanctl --load-all"


def _connection(connection: Connection) -> Section:
    shared = connection.shared
    life = shared.phase_one_life_time
    section: Section = {
        "version": str(shared.ike_version.value),
        "local_addrs": shared.source_address,
        "remote_addrs": shared.destination_address,
    }
    if connection.listens_at != IKE_PORT:
        section["local_port"] = str(connection.listens_at)
        section["remote_port"] = str(shared.remote_port)
    section |= {
        "proposals": ike_proposal(shared),
        "rekey_time": f"{life * 9 // 10}s",
        "over_time": f"{life - life * 9 // 10}s",
        "rand_time": f"{life // 20}s",
        "dpd_delay": "30s",
        "mobike": "no",
        "local": _side(connection, shared.source_address, OWN_CERTIFICATE),
        "remote": _side(
            connection,
            shared.destination_address,
            PEER_CERTIFICATE if connection.is_pinned else "",
        ),
        "children": {str(policy): _child(policy) for policy in connection.policies},
    }
    return section


def _side(connection: Connection, host: str, certificate: str) -> Section:
    if connection.is_by_key:
        return {"auth": "psk", "id": host}
    side: Section = {"auth": "pubkey"}
    if certificate:
        side["certs"] = certificate
    return side


def _child(policy: Definition) -> Section:
    life = policy.phase_two_life_time
    return {
        "mode": policy.mode.value,
        "local_ts": selector(policy.protocol, policy.source_port),
        "remote_ts": selector(policy.protocol, policy.destination_port),
        "esp_proposals": esp_proposal(policy),
        "life_time": f"{life}s",
        "rekey_time": f"{life * 9 // 10}s",
        "rand_time": f"{life // 20}s",
        "start_action": "trap",
        "close_action": "trap",
        "dpd_action": "trap",
    }


def _secret(connection: Connection) -> Section:
    return {
        "id-1": connection.shared.source_address,
        "id-2": connection.shared.destination_address,
        "# secret": f'"{KEY_PLACEHOLDER}"',
    }


def _lines(section: Section, *, depth: int) -> Iterator[str]:
    indent = "    " * depth
    for name, value in section.items():
        if isinstance(value, str):
            yield f"{indent}{name} = {value}\n"
        else:
            yield f"{indent}{name} {{\n"
            yield from _lines(value, depth=depth + 1)
            yield f"{indent}}}\n"
