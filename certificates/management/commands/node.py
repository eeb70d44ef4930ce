"""`./ccxsec node`: the servers of the cluster, how they are reached, where their services live."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.core.management import CommandParser

from certificates.access import command_line
from certificates.management.operator_command import Answer, OperatorCommand, node_of, secret_in
from certificates.models import Deployment, Node, Reach, Role, Service
from certificates.operations import (
    contact,
    keep_host_key,
    pin_host_key,
    save_node,
    save_place,
    save_reach,
)
from certificates.operations.deploy import usual_folder
from certificates.operations.reach import Place
from certificates.reach.ssh import fingerprint_of

_TEXTS = ("folder", "owner", "group", "restart_command", "probe_host", "probe_name")
_NUMBERS = ("restart_limit", "probe_port")


class Command(OperatorCommand):
    help = "The servers of the cluster."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        self.verb(verbs, "list", self.list, "every node, and how it is reached")
        self._named(verbs, "show", self.show, "a node with its services")
        for name, run, text in (
            ("add", self.add, "add a node"),
            ("edit", self.edit, "change a node"),
        ):
            saving = self._named(verbs, name, run, text)
            saving.add_argument("--address", action="append", metavar="ADDRESS")
            saving.add_argument("--role", choices=Role.values)
            saving.add_argument("--description")
            if name == "edit":
                saving.add_argument("--host-name", metavar="NAME", help="its new name")
        self._add_reach(verbs)
        self._named(verbs, "contact", self.contact, "ask for its SSH host key, and say nothing")
        pin = self._named(verbs, "pin", self.pin, "pin the host key that you have compared")
        pin.add_argument("fingerprint", metavar="SHA256:…")
        self._named(verbs, "keep-key", self.keep_key, "another key was shown: keep the pinned one")
        self._add_service(verbs)

    def _named(self, verbs: Any, name: str, run: Any, text: str) -> Any:
        parser = self.verb(verbs, name, run, text)
        parser.add_argument("node", metavar="NAME", help="host name")
        return parser

    def _add_reach(self, verbs: Any) -> None:
        reach = self._named(verbs, "reach", self.reach, "say how a node is reached")
        reach.add_argument("way", choices=Reach.values)
        reach.add_argument("--ssh-host", help="default: the host name")
        reach.add_argument("--ssh-port", type=int)
        reach.add_argument("--ssh-user")
        for what in ("password", "key", "passphrase"):
            reach.add_argument(f"--{what}-file", metavar="FILE|-", help="- reads standard input")

    def _add_service(self, verbs: Any) -> None:
        service = self._named(verbs, "service", self.service, "where a service keeps its files")
        service.add_argument("service", choices=[s.value for s in Service])
        for name in _TEXTS:
            service.add_argument(f"--{name.replace('_', '-')}", help='"" for the default')
        service.add_argument("--restart-limit", type=int, help="seconds")
        service.add_argument("--probe-port", type=int, help="0 for none")

    def list(self, options: dict[str, Any]) -> Answer:
        return [
            {
                "node": node.host_name,
                "role": node.role,
                "addresses": " ".join(node.addresses),
                "reached": _way(node),
                "stores": "; ".join(f"{p.service} {_state(p)}" for p in node.deployments.all()),
            }
            for node in Node.objects.in_restart_order().prefetch_related("deployments")
        ]

    def show(self, options: dict[str, Any]) -> Answer:
        node = node_of(options)
        return {
            "node": node.host_name,
            "role": node.role,
            "addresses": list(node.addresses),
            "description": node.description,
            "reached": _way(node),
            "host_key": fingerprint_of(node.host_key) if node.host_key else "",
            "host_key_alarm": node.host_key_alarm,
            "services": [_service_line(node, service) for service in Service],
        }

    def add(self, options: dict[str, Any]) -> Answer:
        made = save_node(
            Node(),
            host_name=options["node"],
            addresses=options["address"] or [],
            role=options["role"] or Role.SUBSCRIBER,
            description=options["description"] or "",
            actor=command_line(),
        )
        return {"added": made.host_name, "next": f"./ccxsec node reach {made} ssh --ssh-user …"}

    def edit(self, options: dict[str, Any]) -> Answer:
        node = node_of(options)
        kept = {"role": node.role, "description": node.description, "host_name": node.host_name}
        given = {name: options[name] for name in kept if options[name] is not None}
        addresses = node.addresses if options["address"] is None else options["address"]
        save_node(node, addresses=addresses, **(kept | given), actor=command_line())
        return {"changed": node.host_name}

    def reach(self, options: dict[str, Any]) -> Answer:
        node = node_of(options)
        names = ("ssh_host", "ssh_port", "ssh_user")
        given = {name: options[name] for name in names if options[name] is not None}
        jobs = save_reach(
            node,
            reach=options["way"],
            **({name: getattr(node, name) for name in names} | given),
            password=secret_in(options["password_file"], "Password: "),
            private_key=secret_in(options["key_file"], "Private key: "),
            passphrase=secret_in(options["passphrase_file"], "Pass phrase: "),
            actor=command_line(),
        )
        waits = node.is_reached and not node.host_key
        after = f"./ccxsec node contact {node}" if waits else ""
        return {"reached": _way(node), "jobs": [job.pk for job in jobs], "next": after}

    def contact(self, options: dict[str, Any]) -> Answer:
        node = node_of(options)
        offered = contact(node, actor=command_line())
        pinned = fingerprint_of(node.host_key) if node.host_key else ""
        return {
            "fingerprint": offered.fingerprint,
            "pinned": pinned,
            "next": ""
            if pinned == offered.fingerprint
            else f"Compare it on the server's console, then ./ccxsec node pin {node} …",
        }

    def pin(self, options: dict[str, Any]) -> Answer:
        node = node_of(options)
        jobs = pin_host_key(node, fingerprint=options["fingerprint"], actor=command_line())
        return {"pinned": fingerprint_of(node.host_key), "jobs": [job.pk for job in jobs]}

    def keep_key(self, options: dict[str, Any]) -> Answer:
        node = node_of(options)
        keep_host_key(node, actor=command_line())
        return {"pinned": fingerprint_of(node.host_key)}

    def service(self, options: dict[str, Any]) -> Answer:
        node, service = node_of(options), Service(options["service"])
        names = (*_TEXTS, *_NUMBERS)
        given = {name: options[name] for name in names if options[name] is not None}
        if given.get("probe_port") == 0:
            given["probe_port"] = None
        place = replace(Place.of(Deployment.objects.place(node, service)), **given)
        job = save_place(node, service, place, actor=command_line())
        return {**_service_line(node, service), "job": job.pk if job else None}


def _way(node: Node) -> str:
    if node.is_local:
        return "this server"
    if not node.is_reached:
        return "by hand"
    if node.host_key_alarm:
        return "stopped: its host key has changed"
    if not node.host_key:
        return "not yet: its host key is not pinned"
    return f"ssh {node.ssh_user}@{node.ssh_address} port {node.ssh_port}"


def _state(place: Deployment) -> str:
    if place.differs:
        return "changed by hand"
    return place.trouble or ("in force" if place.is_in_force else "out of date")


def _service_line(node: Node, service: Service) -> Mapping[str, Any]:
    place = Deployment.objects.place(node, service)
    line = {name: getattr(place, name) for name in Place.__slots__}
    line["folder"] = place.folder or usual_folder(node, service)
    state = {"intended": place.generation, "in_force": place.in_force, "state": _state(place)}
    return {"service": service.value, **state, "differs": place.differs, **line}
