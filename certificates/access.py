"""Who may do what: asked here by screens, actions and operations alike (DESIGN rule 6)."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

    AnyUser: TypeAlias = User | AnonymousUser


class Permission(StrEnum):
    """Django permissions; the groups that come with the product are made of them."""

    VIEW = "certificates.view_certificate"
    DOWNLOAD = "certificates.download_certificate"
    GENERATE = "certificates.generate_certificate"
    UPLOAD = "certificates.upload_certificate"
    DELETE = "certificates.delete_certificate"
    DEPLOY = "certificates.deploy_certificate"
    RESTART = "certificates.restart_service"
    CONFIGURE = "certificates.configure_product"
    BACKUP = "certificates.back_up_product"  # a backup holds everything
    VIEW_NODES = "certificates.view_node"
    VIEW_JOBS = "certificates.view_job"
    VIEW_EVENTS = "certificates.view_event"
    VIEW_POLICIES = "ipsec.view_policy"
    CONFIGURE_POLICIES = "ipsec.configure_policy"
    OPERATE_POLICIES = "ipsec.operate_policy"  # connect, disconnect, diagnose, confirm a trial
    VIEW_BULK = "bulk.view_exchange"
    CONFIGURE_BULK = "bulk.configure_exchange"  # the server, and whose exports are believed
    RUN_BULK = "bulk.run_exchange"


_SEE = (
    Permission.VIEW,
    Permission.DOWNLOAD,
    Permission.VIEW_NODES,
    Permission.VIEW_JOBS,
    Permission.VIEW_POLICIES,
    Permission.VIEW_BULK,
)
GROUPS: dict[str, tuple[Permission, ...]] = {
    "Security administrator": tuple(Permission),
    "Operator": (
        *_SEE,
        Permission.GENERATE,
        Permission.UPLOAD,
        Permission.DEPLOY,
        Permission.RESTART,
        Permission.OPERATE_POLICIES,
        Permission.RUN_BULK,
    ),
    "Auditor": (*_SEE, Permission.VIEW_EVENTS),
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, as the audit names it. Without a user it is somebody on the machine itself.

    Whoever runs commands there can read the master key and the database: no permission could
    hold that person back, so the audit names the operating-system user instead.

    `scopes`: what an API token was made for; the user's permissions count besides (None: alone).
    """

    name: str
    user: "AnyUser | None" = None
    scopes: frozenset[Permission] | None = None

    def __str__(self) -> str:
        return self.name

    def may(self, permission: Permission) -> bool:
        if self.scopes is not None and permission not in self.scopes:
            return False
        return self.user is None or self.user.has_perm(permission.value)

    def require(self, permission: Permission) -> None:
        """Raises `PermissionDenied`, which a page answers with 403 (MN-2)."""
        if not self.may(permission):
            raise PermissionDenied(permission.value)


def signed_in(request: HttpRequest) -> Actor:
    """The user of a request, with the address it came from."""
    return Actor(f"{request.user.get_username()}, {client_address(request)}", request.user)


# The name of whoever is signed in to the request that is being answered.
_acting: ContextVar[str] = ContextVar("acting", default="")


@contextmanager
def acting_as(name: str) -> Iterator[None]:
    """What happens inside is done by `name`, also where no actor is passed on (Django's own)."""
    token = _acting.set(name)
    try:
        yield
    finally:
        _acting.reset(token)


def acting_now() -> str:
    """The signed-in user of the request that is being answered, with its address; "" for none."""
    return _acting.get()


def acting() -> str:
    """Who acts now: the signed-in user, or whoever runs the command."""
    return _acting.get() or str(command_line())


def client_address(request: HttpRequest) -> str:
    """The peer's address; behind our own proxy the one that the proxy added last."""
    if getattr(settings, "SECURE_PROXY_SSL_HEADER", None):
        forwarded = request.headers.get("X-Forwarded-For", "")
        if forwarded:
            return forwarded.rsplit(",", 1)[-1].strip()
    peer = str(request.META.get("REMOTE_ADDR", "")) or "unknown address"
    return peer.removeprefix("::ffff:")  # IPv4 on a socket for both


def command_line() -> Actor:
    """Whoever runs a command."""
    return Actor(f"command line, {_system_user()}")


def shell() -> Actor:
    """For the ORM shell (docs/shell.md)."""
    return Actor(f"shell, {_system_user()}")


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown user"
