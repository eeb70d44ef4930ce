"""`./ccxsec up`: set up what is missing, then run the product until it is stopped."""

import contextlib
import os
import secrets
import signal
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, call_command
from django.db import connection, transaction
from django.utils import timezone

from ccxsec_project import children
from ccxsec_project.cluster_watch import ClusterWatch
from ccxsec_project.starting import (
    bracketed,
    collect_static_files,
    is_behind_socket,
    listen,
    open_seals,
    plainly,
    probe_host,
    refuse_half_restored,
    served_names,
    wait_for_answer,
    wait_for_handshake,
)
from ccxsec_project.supervisor import Supervisor
from certificates import host, probe, web_server
from certificates.access import command_line
from certificates.local_files import PRIVATE, create_once
from certificates.management.operator_command import Stopped
from certificates.models import Certificate, Node, Purpose
from certificates.operations import install
from certificates.operations.deploy_rounds import deploy_what_is_out_of_date
from certificates.operations.install import grant_new_permissions, known_permissions
from certificates.operations.restart import observe_restarts
from certificates.refusal import Refused
from certificates.secrets import KeyRing, key_ring
from certificates.store import local_store
from certificates.web_server import Running


class Command(BaseCommand):
    help = "Set up what is missing, then run the web server and the background worker."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--setup-only", action="store_true", help="Set up what is missing, and end."
        )

    def handle(self, *_: Any, setup_only: bool, **__: Any) -> None:
        # A reload that is asked for while this is being set up must not end it.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        where = Running(pid=os.getpid(), host=probe_host(), port=settings.CCXSEC_PORT)
        with plainly(), contextlib.ExitStack() as held:
            listener = None if setup_only else held.enter_context(listen())
            held.enter_context(web_server.announced(where))
            made = self.set_up()
            if listener is None:
                self.stdout.write("\n".join([*made, "Set up. Run ./ccxsec up to start."]))
                return
            Supervisor(
                web=children.web_server(listener, served_names()),
                cluster=ClusterWatch(),
                listener=children.ipsec_listener(),
            ).run(lambda: self.welcome(where, made))
        self.stdout.write("Stopped.")

    def set_up(self) -> list[str]:
        """Everything that a first start needs; a later one finds it there. What it made."""
        refuse_half_restored()
        is_new = not connection.introspection.table_names()
        make_master_key(is_new_database=is_new)
        known = None if is_new else known_permissions()
        call_command("migrate", verbosity=0, interactive=False)
        if known is not None:
            grant_new_permissions(known)
        keep_private()
        open_seals()
        if is_new and set_old_anchor_aside():
            self.stdout.write(
                "There is no database, though this folder was in use: a new one is made."
            )
        now, actor = timezone.now(), command_line()
        name = settings.CCXSEC_HOST_NAME or host.host_name()
        addresses = settings.CCXSEC_ADDRESSES or host.addresses()
        made = install(host_name=name, addresses=addresses, actor=actor, now=now)
        for sentence in deploy_what_is_out_of_date(actor=actor, now=now):
            self.stdout.write(sentence)
        if not local_store(settings.CCXSEC_STORE / web_server.SERVICE).generation():
            raise Refused("store.empty", "There is no certificate to serve.", "See the line above.")
        collect_static_files()
        self.make_administrator()
        return [f"Made: {what}" for what in made]

    def make_administrator(self) -> None:
        """The first superuser. Last of all, and told at once: the password is shown only here."""
        users = get_user_model().objects
        if users.filter(is_superuser=True, is_active=True).exists():
            return
        name, password = settings.CCXSEC_ADMIN_USER, settings.CCXSEC_ADMIN_PASSWORD
        if users.filter(username=name).exists():  # switched off, or demoted: on purpose, it seems
            wrong = f"There is no active superuser, and {name} is not made one again."
            self.stdout.write(f"{wrong} CCXSEC_ADMIN_USER may name another, who is made then.")
            return
        shown = "the password in CCXSEC_ADMIN_PASSWORD"
        if password:
            check_password(password)
        else:
            password = secrets.token_urlsafe(15)
            shown = f"the password {password} (shown only now: keep it)"
        with transaction.atomic():
            users.create_superuser(name, "", password)
            self.stdout.write(f"Made: administrator. Sign in as {name} with {shown}")
            self.stdout.flush()

    def welcome(self, where: Running, made: list[str]) -> None:
        """Called once the children run: wait until a handshake succeeds, then say where it is."""
        if is_behind_socket():
            wait_for_answer(Path(settings.CCXSEC_BIND))
            told = [*made, f"ccxsec answers the proxy at {settings.CCXSEC_BIND}."]
            self.stdout.write("\n".join([*told, "", "Ctrl-C stops it."]))
            self.stdout.flush()
            return
        fingerprint = wait_for_handshake(where)
        with contextlib.suppress(probe.ProbeError):
            observe_restarts(now=timezone.now())
        node = Node.objects.local()
        lines = [*made, "", f"ccxsec runs:  https://{node}:{where.port}/"]
        lines += [f"         or:  https://{bracketed(a)}:{where.port}/" for a in node.addresses]
        first = get_user_model().objects.filter(is_superuser=True, is_active=True).first()
        known = f"{first}, or as " if first else ""
        lines += [f"Sign in as {known}any user with staff status (docs/users.md)."]
        served = Certificate.objects.active().for_purpose(Purpose.TOMCAT).filter(node=node).first()
        lines += [
            "",
            "Its certificate has the SHA-256 fingerprint",
            f"  {_colons(fingerprint)}",
            "To trust it: ./ccxsec cert export tomcat > tomcat.pem, then add tomcat.pem to the",
            "trusted certificates of your browser or system (docs/trust.md).",
        ]
        if served and served.fingerprint != fingerprint:
            lines.append("A newer one is in the store: ./ccxsec restart run")
        self.stdout.write("\n".join([*lines, "", "Ctrl-C stops it."]))
        self.stdout.flush()


def make_master_key(*, is_new_database: bool) -> None:
    """A new database gets one; without it an existing one stays closed (DESIGN rule 4)."""
    if is_new_database and not settings.CCXSEC_MASTER_KEYS:
        ring = KeyRing({}).with_new_key
        create_once(Path(settings.CCXSEC_MASTER_KEY_FILE), lambda: ring().to_text().encode())
    key_ring()


def keep_private() -> None:
    """The database holds sessions and password hashes: nobody else may read its files."""
    if connection.vendor == "sqlite":
        database = Path(str(settings.DATABASES["default"]["NAME"]))
        for path in database.parent.glob(f"{database.name}*"):
            path.chmod(PRIVATE)


def check_password(password: str) -> None:
    """Raises `Stopped` for one that is too easy to guess."""
    try:
        validate_password(password)
    except ValidationError as error:
        wrong = f"CCXSEC_ADMIN_PASSWORD is refused: {' '.join(error.messages)}"
        raise Stopped(wrong) from None


def set_old_anchor_aside() -> bool:
    """The anchor file of a database that is gone must not accuse the new one. False: none."""
    path = Path(settings.CCXSEC_AUDIT_ANCHOR)
    found = path.is_file()
    if found:
        path.rename(path.with_name(f"{path.name}.{timezone.now():%Y%m%d%H%M%S}"))
    return found


def _colons(fingerprint: str) -> str:
    return ":".join(fingerprint[i : i + 2] for i in range(0, len(fingerprint), 2)).upper()
