"""Scenes with RSA certificates in the place of a pre-shared key."""

from base64 import b64encode
from typing import Any

from tests.lab.authority import Authority
from tests.lab.ipsec.product import Laboratory, Peer
from tests.lab.ipsec.scenes import meet

BY_CERTIFICATE = {"authentication": "certificate"}


def chained(lab: Laboratory, fields: dict[str, Any]) -> dict[str, Any]:
    """Each host has a certificate of one authority, by the third-party procedure (CM-19)."""
    authority = Authority("IPsec")
    for peer in lab.peers:
        _begin(peer)
        answer = authority.answer(peer.product.do("certifying.request"))
        peer.product.do("certifying.upload", "ipsec", b64encode(answer).decode())
    return meet(lab, {**fields, **BY_CERTIFICATE})


def pinned(lab: Laboratory, fields: dict[str, Any]) -> dict[str, Any]:
    """Each host has a self-signed certificate that the other names (Peer Type Different)."""
    made = []
    for peer in lab.peers:
        _begin(peer)
        made.append(peer.product.do("certifying.new_self_signed"))
    for peer, other in zip(lab.peers, reversed(made), strict=True):
        peer.product.do("certifying.upload", "ipsec-trust", other)
    named = {"peer_type": "different", "certificate_name": f"{lab.second.host.fqdn}.pem"}
    return meet(lab, {**fields, **BY_CERTIFICATE, **named})


def _begin(peer: Peer) -> None:
    """The product knows its host's name, and nobody else's certificate."""
    peer.product.do("certifying.be", peer.host.fqdn, peer.host.ipv4)
    peer.product.do("certifying.trust_nobody")
