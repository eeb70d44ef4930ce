"""The admin screens, one module each."""

from certificates.admin import (
    backup,
    certificate,
    delivery,
    discovery,
    event,
    job,
    node,
    queue,
    restart,
    signing_request,
    users,
)

__all__ = [
    "backup",
    "certificate",
    "delivery",
    "discovery",
    "event",
    "job",
    "node",
    "queue",
    "restart",
    "signing_request",
    "users",
]
