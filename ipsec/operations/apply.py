"""Make what is in force equal to what is intended (IP-7, DESIGN: the one idea).

`apply` asks the daemon what it holds and changes the difference alone: what is right stays as it
is, and what is not ours is not touched. Run twice, the second run does nothing. It stops nowhere
half: each order stands by itself, and the next run does what was not done.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.db import transaction

from certificates.access import Actor
from certificates.jobs import enqueue, job
from certificates.locks import cluster_lock
from certificates.models import Job, Secret
from certificates.refusal import Refused
from certificates.secrets import SealError
from certificates.sentence import say, together
from ipsec.associations import Association, Loaded, Trap
from ipsec.kernel import KernelUnreadable, installed_policies
from ipsec.models import Policy, Remains, key_secret
from ipsec.names import resolve
from ipsec.operations.difference import missing_of, outdated_of, superfluous_of
from ipsec.operations.remains import Selector, clear_remains, selectors_of
from ipsec.operations.wanted import Intent, Stores, Wanted, intent
from ipsec.policy.rules import is_name
from ipsec.policy.terms import OURS, Connection, guard, policy_of
from ipsec.strongswan import Daemon, DaemonError

JOB = "ipsec-apply"
PATIENCE = 60.0  # seconds to wait for another one that applies


@dataclass(slots=True)
class Applied:
    """What one run did, by the names in the daemon; all empty: everything was right."""

    loaded: list[str] = field(default_factory=list)
    unloaded: list[str] = field(default_factory=list)
    terminated: list[str] = field(default_factory=list)
    installed: list[str] = field(default_factory=list)
    uninstalled: list[str] = field(default_factory=list)
    cleared: list[str] = field(default_factory=list)
    troubles: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        told = [
            f"{len(names)} {word}"
            for word in ("loaded", "unloaded", "terminated", "installed", "uninstalled", "cleared")
            if (names := getattr(self, word))
        ]
        said = ", ".join(told) if told else "nothing had to be changed"
        wrong = "".join(f" {policy}: {why}" for policy, why in list(self.troubles.items())[:5])
        return f"The IKE daemon: {said}.{wrong}"


def request_apply(*, actor: Actor) -> Job:
    """A job that applies, in the caller's transaction: it is queued after the commit."""
    return enqueue(JOB, "IPsec policies", once=JOB, started_by=str(actor))


@job(JOB)
def _apply_job(row: Job) -> str:
    applied = apply(actor=Actor(row.started_by))
    return str(applied)


def apply(*, actor: Actor) -> Applied:
    """Load, unload, terminate until the daemon holds what is intended.

    Raises:
        DaemonError: there is no daemon; the policies are noted as not in force.
        Refused: apply.busy.
    """
    with cluster_lock(JOB, patience=PATIENCE) as held:
        if not held:
            wrong = say(
                "The policies are being applied for more than {patience} s already.",
                patience=f"{PATIENCE:.0f}",
            )
            raise Refused("apply.busy", wrong, say("Look at the jobs, and try again."))
        try:
            with Daemon.open() as daemon:
                applied = _Round(daemon, intent(), actor).run()
        except DaemonError:
            clear_remains((), ())
            raise
    _note(applied.troubles)
    return applied


class _Round:
    """One comparison of intent and daemon, and the orders that follow from it."""

    def __init__(self, daemon: Daemon, intended: Intent, actor: Actor) -> None:
        self.daemon = daemon
        self.wanted = intended.wanted
        self.actor = actor
        self.applied = Applied(troubles=dict(intended.troubles))
        self.loaded: Mapping[str, Loaded] = daemon.connections()
        self.kept: set[str] = set()  # names of what stays in the place of what can't be loaded

    def run(self) -> Applied:
        # New before old: in between both hold the traffic, and none of it leaves in the clear.
        self._load()
        self._unload()
        self._terminate(self.daemon.associations())
        self._mend_traps(self.daemon.traps())
        self._forget_keys()
        if Remains.objects.exists():
            held = self.daemon.traps(), self.daemon.associations()
            self.applied.cleared = clear_remains(*held)
        return self.applied

    def _load(self) -> None:
        missing = missing_of(self.wanted, self.loaded)
        if not missing:
            return
        keys = _shared_keys(missing)
        known = self.daemon.shared_keys() if keys else set()
        self._load_private_key(missing)
        for one in missing:
            try:
                if one.connection.key_name not in known:
                    self._load_shared_key(one, keys)
                self._load_connection(one.connection)
            except DaemonError as error:
                if error.code == "daemon.down":
                    raise
                self._keep_former(one, str(error))
            except SealError as error:
                cure = say("Write it again into the policy, or put the master key's backup back.")
                wrong = say("Its pre-shared key can't be opened: {error}", error=error)
                self._keep_former(one, together(wrong, cure))
            else:
                self.applied.loaded.append(one.connection.name)

    def _keep_former(self, one: Wanted, why: str) -> None:
        """What can't be loaded leaves in force what was there, or else its traffic is held."""
        self.applied.troubles |= dict.fromkeys(one.policies, why)
        former = {
            name
            for name, found in self.loaded.items()
            if found.is_ours and {policy_of(child) for child in found.children} & set(one.policies)
        }
        if not former:
            former = self._hold(one)
        self.kept |= former

    def _hold(self, one: Wanted) -> set[str]:
        held = guard([row.definition for row in one.policies.values()])
        try:
            self.daemon.load_connection(held)
        except DaemonError as error:
            if error.code == "daemon.down":
                raise
            return set()  # the verdict on the policy tells that its traffic is not held
        return {held.name}

    def _load_shared_key(self, one: Wanted, keys: Mapping[int, Secret]) -> None:
        if one.connection.key_name:
            secret = keys.get(next(iter(one.policies.values())).pk)
            if secret is None:
                raise SealError(say("There is none."))
            key = secret.unseal().decode()
            self.daemon.load_shared_key(one.connection.key_name, one.connection.owners, key)

    def _load_connection(self, connection: Connection) -> None:
        """Load it; a child that stands beside it meanwhile holds the traffic of a changed one.

        The daemon takes the former child out before it puts the new one in.
        """
        before = self.loaded.get(connection.name)
        children = connection.body["children"]
        new = {
            name: child | {"start_action": "trap"}
            for name, child in children.items()
            if before and name not in before.children
        }
        if not new:
            self.daemon.load_connection(connection)
            return
        name = f"{connection.name}+"
        beside = replace(connection, name=name, body=connection.body | {"children": new})
        self.daemon.load_connection(beside)
        try:
            self.daemon.load_connection(connection)
        finally:
            self.daemon.unload_connection(name)

    def _load_private_key(self, missing: Iterable[Wanted]) -> None:
        if all(one.connection.key_name for one in missing):
            return
        stores = Stores()
        own = stores.own
        held = self.daemon.private_keys()
        mine = [name for name, row in stores.key_identifiers().items() if own and row.pk == own.pk]
        if own is None or own.private_key is None or set(mine) <= held:
            return
        with transaction.atomic():
            key = own.private_key.unseal(
                owner=own, actor=str(self.actor), reason="loaded into the IKE daemon"
            )
        self.daemon.load_private_key(
            key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        )

    def _unload(self) -> None:
        for name in superfluous_of(self.wanted, self.loaded):
            if name in self.kept:
                continue
            self.daemon.unload_connection(name)
            self.applied.unloaded.append(name)

    def _terminate(self, associations: Sequence[Association]) -> None:
        associations = [one for one in associations if one.connection not in self.kept]
        for name, number in outdated_of(self.wanted, associations):
            self.daemon.terminate(**number)
            self.applied.terminated.append(name)
        for one in associations:
            if one.connection in self.wanted and not self._is_at_home(one):
                self.daemon.terminate(association=one.unique_id)
                self.applied.terminated.append(one.connection)

    def _is_at_home(self, association: Association) -> bool:
        """Whether the peer's name still has the address that the association is with."""
        body = self.wanted[association.connection].connection.body
        now = self.addresses.get(body["remote_addrs"][0])
        return not now or association.remote_host in now

    def _mend_traps(self, traps: Iterable[Trap]) -> None:
        """An orphan blocks its traffic for ever; a missing one lets it leave in the clear."""
        present = set()
        kernel = _held_by_kernel()
        for trap in traps:
            wanted = self.wanted.get(trap.connection)
            is_ours = wanted is not None and trap.child in wanted.connection.body["children"]
            is_held = kernel is None or selectors_of(trap) <= kernel
            if is_ours and not is_held:
                self._terminate_child(trap.child)  # it would keep the policy from coming back
            if is_ours and is_held and not self._has_moved(trap):
                present.add(trap.child)
            elif trap.is_ours and trap.connection not in self.kept:
                self.daemon.uninstall(trap)
                self.applied.uninstalled.append(trap.child)
        for one in self.wanted.values():
            for policy, child in one.connection.children.items():
                if child not in present and policy not in self.applied.troubles:
                    self._install(one, policy, child)

    def _terminate_child(self, name: str) -> None:
        for association in self.daemon.associations():
            for child in association.children:
                if child.name == name and association.connection in self.wanted:
                    self.daemon.terminate(child=child.unique_id)
                    self.applied.terminated.append(name)

    def _has_moved(self, trap: Trap) -> bool:
        """Whether a name has other addresses by now than those that the trap is for."""
        pair = self.wanted[trap.connection].connection.body
        for name, selectors in (
            (pair["local_addrs"][0], trap.local_selectors),
            (pair["remote_addrs"][0], trap.remote_selectors),
        ):
            now = self.addresses.get(name)
            held = {selector.partition("/")[0] for selector in selectors}
            if now and not held & set(now):
                return True
        return False

    @cached_property
    def addresses(self) -> dict[str, list[str]]:
        """What the names of all connections resolve to now."""
        bodies = [one.connection.body for one in self.wanted.values()]
        hosts = {host for body in bodies for host in body["local_addrs"] + body["remote_addrs"]}
        return resolve(host for host in hosts if is_name(host))

    def _install(self, one: Wanted, policy: str, child: str) -> None:
        try:
            self.daemon.install(one.connection.name, child)
        except DaemonError as error:
            if error.code == "daemon.down":
                raise
            definition = one.policies[policy].definition
            self.applied.troubles[policy] = say(
                "Its traffic is not held: no kernel policy could be installed. Look whether"
                " {source} is an address of this server and whether {destination} can be"
                " resolved.",
                source=definition.source_address,
                destination=definition.destination_address,
            )
        else:
            self.applied.installed.append(child)

    def _forget_keys(self) -> None:
        """Of ours: pre-shared keys that nothing uses, private keys of former certificates."""
        used = {one.connection.key_name for one in self.wanted.values()} | self.kept
        for name in self.daemon.shared_keys() - used:
            if name.startswith(OURS):
                self.daemon.unload_shared_key(name)
        held = self.daemon.private_keys()
        if not held:
            return
        stores = Stores()
        known = stores.key_identifiers()
        needs_key = any(not one.connection.key_name for one in self.wanted.values())
        for name in held & known.keys():
            is_current = stores.own is not None and known[name].pk == stores.own.pk
            if not (is_current and needs_key):
                self.daemon.unload_private_key(name)


def _held_by_kernel() -> set[Selector] | None:
    """Of outgoing packets, what the kernel holds; None where it can't be asked."""
    try:
        return {one.selector for one in installed_policies() if one.direction == "out"}
    except KernelUnreadable:
        return None


def _shared_keys(wanted: Iterable[Wanted]) -> dict[int, Secret]:
    """Policy -> its sealed key, of one policy a connection, as all of a pair have the same."""
    ones = [next(iter(one.policies.values())) for one in wanted if one.connection.key_name]
    names = {key_secret(row.pk): row.pk for row in ones}
    found: dict[int, Secret] = {}
    listed = list(names)
    for start in range(0, len(listed), 500):
        for secret in Secret.objects.filter(name__in=listed[start : start + 500]):
            found[names[secret.name]] = secret
    return found


@transaction.atomic
def _note(troubles: Mapping[str, str]) -> None:
    """Keep at each policy what stands in its way; one query while nothing does."""
    stale = Policy.objects.exclude(trouble="")
    named = list(troubles)
    rows = {row.pk: row for row in stale}
    for start in range(0, len(named), 200):
        found = Policy.objects.named(named[start : start + 200])
        rows |= {row.pk: row for row in found}
    for row in rows.values():
        said = troubles.get(str(row), "")[:500]
        if row.trouble != said:
            Policy.objects.filter(pk=row.pk).note(trouble=said)
