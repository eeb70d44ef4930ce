"""The admin screens, one module each."""

from certificates.admin import (
    certificate,
    delivery,
    event,
    job,
    node,
    queue,
    restart,
    signing_request,
    users,
)

__all__ = [
    "certificate",
    "delivery",
    "event",
    "job",
    "node",
    "queue",
    "restart",
    "signing_request",
    "users",
]
