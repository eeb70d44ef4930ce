"""The admin screens, one module each."""

from certificates.admin import (
    certificate,
    event,
    job,
    node,
    queue,
    restart,
    signing_request,
    users,
)

__all__ = ["certificate", "event", "job", "node", "queue", "restart", "signing_request", "users"]
