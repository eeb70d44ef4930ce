"""What `./ccxsec bulk` prints: stable keys, times in ISO 8601 UTC, "" for what is not known."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from bulk.models import Cluster, Plan, PlanItem
from bulk.operations.content import Exporting, this_cluster
from bulk.operations.standing import ExportRow, Standing, Unconfirmed
from bulk.seen import SeenConsolidated, counted
from certificates.models import Job
from certificates.operations.examination import title_of
from certificates.reach.ssh import fingerprint_of
from certificates.refusal import Refused
from certificates.x509.reading import read_upload

Details = dict[str, Any]


def moment(at: datetime | None) -> str:
    """A time in ISO 8601, UTC; "" for none."""
    return at.isoformat(timespec="seconds") if at else ""


def standing_details(found: Standing, *, now: datetime) -> Details:
    """Everything that is known of the exchange."""
    server = found.server
    return {
        "server": str(server),
        "directory": server.directory,
        "host_key": fingerprint_of(server.host_key) if server.host_key else "",
        "host_key_alarm": server.host_key_alarm,
        # Before the first Save the row is not kept yet, and its id is another one each time.
        "cluster_id": str(server.cluster_id) if server.is_set else "",
        "cluster_name": this_cluster(server).name,
        "own_fingerprints": found.own_keys,
        "looked_at": moment(server.seen_at),
        "age_seconds": int((now - server.seen_at).total_seconds()) if server.seen_at else None,
        "trouble": server.trouble,
        "free_bytes": found.seen.free if found.seen else None,
        "steps": [
            {"step": step.name, "state": step.state.value, "about": " ".join(step.sentences)}
            for step in found.steps
        ],
        "exports": [export_line(row) for row in found.exports],
        "consolidated": _consolidated(found.seen.consolidated) if found.seen else None,
        "unconfirmed": [unconfirmed_line(one) for one in found.unconfirmed],
        "clusters": [cluster_line(one) for one in found.clusters],
        "other_files": [{"file": one.name, "bytes": one.size} for one in found.others],
        "may_import": found.may_import,
        "missing": list(found.missing),
    }


def standing_lines(told: Mapping[str, Any]) -> Details:
    """The same for people: one line for each thing, nothing for what is not there."""
    lines = {name: told[name] for name in ("server", "directory", "host_key") if told[name]}
    if told["host_key_alarm"]:
        lines["ANOTHER HOST KEY WAS SHOWN"] = told["host_key_alarm"]
        lines["next"] = "find out why, then ./ccxsec bulk pin, or keep-host-key"
    lines["this cluster"] = ", ".join(filter(None, (told["cluster_name"], told["cluster_id"])))
    lines["own fingerprints"] = _of_services(told["own_fingerprints"])
    lines["looked at"] = _age(told)
    if told["trouble"]:
        lines["trouble"] = told["trouble"]
    for step in told["steps"]:
        lines[step["step"]] = f"{step['state']}. {step['about']}".strip()
    lines["exports"] = [_export_text(one) for one in told["exports"]]
    lines["to be confirmed"] = [text for one in told["unconfirmed"] for text in _waiting(one)]
    lines["confirmed"] = [f"{one['cluster']} ({one['cluster_id']})" for one in told["clusters"]]
    lines["files of other systems"] = [one["file"] for one in told["other_files"]]
    lines["missing for an import"] = told["missing"]
    return lines


def export_line(row: ExportRow) -> Details:
    """One export on the server."""
    seen = row.seen
    return {
        "cluster": seen.cluster_name,
        "cluster_id": seen.cluster_id,
        "service": seen.service,
        "trust": row.trust.value,
        "made_at": seen.made_at,
        "certificates": seen.count,
        "consolidated": row.is_consolidated,
        "file": seen.file,
        "nodes": seen.nodes,
        "fingerprints": seen.keys,
        "notes": list(row.notes),
    }


def unconfirmed_line(one: Unconfirmed) -> Details:
    """A cluster that waits for its fingerprint to be compared. `pinned`: the former ones."""
    return {
        "cluster": one.name,
        "cluster_id": one.cluster_id,
        "nodes": list(one.nodes),
        "fingerprints": one.keys,
        "pinned": one.pinned or {},
    }


def cluster_line(cluster: Cluster) -> Details:
    """A cluster that is believed."""
    return {
        "cluster": cluster.name,
        "cluster_id": str(cluster.cluster_id),
        "nodes": cluster.nodes,
        "fingerprints": cluster.keys,
        "confirmed_at": moment(cluster.confirmed_at),
        "confirmed_by": cluster.confirmed_by,
        "latest": cluster.latest,
    }


def exporting_details(plans: Iterable[Exporting]) -> Details:
    """What an export would hold."""
    listed = list(plans)
    return {
        "would_export": [
            {"service": plan.service.value, "role": item.role.value, **_certificate(item.pem)}
            | {"nodes": list(item.nodes)}
            for plan in listed
            for item in plan.items
        ],
        "remarks": [remark for plan in listed for remark in plan.remarks],
    }


def plan_details(plan: Plan) -> Details:
    """What an import would change, certificate by certificate."""
    return {
        "source": plan.source,
        "digest": plan.digest,
        "counts": {verdict.value: count for verdict, count in plan.counts().items()},
        "left_out": plan.refused,
        "new_keys": plan.new_keys(),
        "certificates": [item_line(item) for item in plan.items.select_related("cluster")],
    }


def item_line(item: PlanItem) -> Details:
    """One certificate of an import with its verdict."""
    return {
        "verdict": item.verdict,
        "certificate": item.name,
        "store": item.purpose,
        "cluster": item.cluster_name,
        "nodes": item.nodes,
        "not_after": moment(item.not_after),
        "fingerprint": item.fingerprint,
        "reason": item.reason,
    }


def job_line(job: Job) -> Details:
    """One run of the history."""
    return {
        "at": moment(job.created_at),
        "what": job.kind.removeprefix("bulk-"),
        "state": job.state,
        "by": job.started_by,
        "ended_at": moment(job.ended_at),
        "said": job.messages[-1] if job.messages else "",
        "job": job.pk,
    }


def _consolidated(seen: SeenConsolidated | None) -> Details | None:
    if seen is None:
        return None
    return {
        "file": seen.file,
        "made_at": seen.made_at,
        "made_by": seen.made_by,
        "exports": seen.exports,
        "clusters": seen.clusters,
        "problem": seen.problem,
    }


def _certificate(pem: bytes) -> Details:
    try:
        [read] = read_upload(pem).certificates
    except Refused as refused:  # it is ours, and weak: it is exported as it is
        return {"certificate": refused.sentence, "not_after": "", "fingerprint": ""}
    facts = read.facts
    return {
        "certificate": title_of(read),
        "not_after": moment(facts.not_after),
        "fingerprint": facts.fingerprint,
    }


def _of_services(keys: Mapping[str, str]) -> list[str]:
    return [f"{service}: {fingerprint}" for service, fingerprint in sorted(keys.items())]


def _age(told: Mapping[str, Any]) -> str:
    if told["age_seconds"] is None:
        return "never (./ccxsec bulk show --look)"
    return f"{told['looked_at']}, {told['age_seconds'] // 60} minutes ago"


def _export_text(one: Mapping[str, Any]) -> str:
    if one["trust"] == "unreadable":
        return f"{one['file']}: {' '.join(one['notes'])}"
    is_in = "consolidated" if one["consolidated"] else "not consolidated"
    about = f"{counted(one['certificates'])}, {one['made_at']}, {one['trust']}, {is_in}."
    return f"{one['cluster']}, {one['service']}: {about} {' '.join(one['notes'])}".rstrip()


def _waiting(one: Mapping[str, Any]) -> list[str]:
    changed = " (its keys were others when it was confirmed)" if one["pinned"] else ""
    nodes = ", ".join(one["nodes"])
    head = f"{one['cluster']} ({one['cluster_id']}), nodes {nodes}{changed}"
    return [head, *(f"  {line}" for line in _of_services(one["fingerprints"]))]
