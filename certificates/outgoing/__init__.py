"""The guard of outgoing connections: the one way from this product to another machine.

A name is resolved once, every address that it has is judged, and the connection goes to one of
these very addresses: a name server that gives another answer the next time changes nothing. No
other module opens a socket to the outside (`tests/test_one_guard.py` holds it).
"""

from certificates.outgoing.addresses import is_loopback, look_up
from certificates.outgoing.allowed import (
    Allowed,
    ForbiddenAddressError,
    Place,
    UnknownHostError,
    anywhere,
)
from certificates.outgoing.http_connection import GuardedConnection, target_of
from certificates.outgoing.sockets import connect, datagrams, dial

__all__ = [
    "Allowed",
    "ForbiddenAddressError",
    "GuardedConnection",
    "Place",
    "UnknownHostError",
    "anywhere",
    "connect",
    "datagrams",
    "dial",
    "is_loopback",
    "look_up",
    "target_of",
]
