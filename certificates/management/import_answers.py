"""What `cert import` prints: lines for a person, JSON for a program (docs/upload.md)."""

import json
from typing import Any

from certificates.operations.examination import Examination
from certificates.operations.import_many import FileVerdict
from certificates.refusal import Finding, Refused
from certificates.x509.reading import ReadCertificate
from certificates.x509.visible import visible


def refusal_of(examined: Examination, *, is_strict: bool) -> str | None:
    """One line of reason; None when the file is accepted."""
    found = examined.failed
    if found is None and is_strict:
        found = next(iter(examined.warnings), None)
    return str(found) if found else None


def answer_of(examined: Examination, refused: str | None) -> dict[str, Any]:
    """The documented contract (docs/upload.md)."""
    reason = examined.reason
    if refused and reason is None:
        reason = examined.warnings[0].code
    return {
        "accepted": refused is None,
        "reason": reason,
        "purpose": examined.purpose.value,
        "node": str(examined.node),
        "checks": [_check(check) for check in examined.checks],
        "certificates": [
            {"role": item.role.value, **_certificate(item.read)} for item in examined.items
        ],
        "path": list(examined.path),
        "replaces": _replaced(examined) if refused is None else None,
        "restart": examined.restarts if refused is None else [],
    }


def refused_answer(refused: Refused) -> dict[str, Any]:
    """The same for what is refused before any check, or meanwhile."""
    check = Finding(refused.code, refused.sentence, refused.cure)
    empty: dict[str, Any] = {"certificates": [], "path": [], "replaces": None, "restart": []}
    return {"accepted": False, "reason": refused.code, "checks": [_check(check)], **empty}


def _check(check: Finding) -> dict[str, str]:
    return {
        "id": check.code,
        "outcome": check.outcome.value,
        "sentence": check.sentence,
        "cure": check.cure,
    }


def _certificate(read: ReadCertificate) -> dict[str, Any]:
    facts = read.facts
    return {
        "subject": facts.subject,
        "issuer": facts.issuer,
        "serial": facts.serial_number,
        "sha256": facts.fingerprint,
        "not_before": facts.not_before.isoformat() if facts.not_before else None,
        "not_after": facts.not_after.isoformat() if facts.not_after else None,
        "key": facts.key_label,
    }


def _replaced(examined: Examination) -> dict[str, Any] | None:
    row = next((row for row in examined.replaces if row.node in examined.places), None)
    if row is None:
        return None
    return {
        "file_name": row.file_name,
        "subject": row.subject,
        "serial": row.serial_number,
        "sha256": row.fingerprint,
    }


def lines_of(examined: Examination, refused: str | None, *, is_dry_run: bool) -> dict[str, Any]:
    """The same for a person."""
    certificates = [
        f"{item.role.value}: {item.read.facts.common_name or item.read.facts.subject},"
        f" SHA-256 {item.read.facts.fingerprint}"
        for item in examined.items
    ]
    lines: dict[str, Any] = {
        "checks": [f"{c.outcome.value:4}  {c.code}: {c}" for c in examined.checks],
        "certificates": certificates,
    }
    if refused:
        return lines
    replaced = _replaced(examined)
    if replaced:
        lines["replaces"] = f"{replaced['file_name']}, SHA-256 {replaced['sha256']}"
    lines["restart"] = examined.restarts
    done = "would be installed" if is_dry_run else "installed"
    lines["result"] = done if examined.changes else "everything is there already"
    return lines


def json_line(verdict: FileVerdict) -> str:
    """One of many files, or one certificate of a bundle."""
    failed = verdict.failed
    return json.dumps(
        {
            "file": verdict.name,
            "accepted": failed is None,
            "reason": failed.code if failed else None,
            "checks": [_check(check) for check in verdict.checks],
            "certificates": [{"role": "trust", **_certificate(read)} for read in verdict.reads],
            "added": verdict.added,
        }
    )


def text_line(verdict: FileVerdict) -> str:
    """The same for a person."""
    failed = verdict.failed
    if failed:
        text = f"refused   {verdict.name}  {failed.code}: {failed}"
    else:
        marks = ", ".join(
            dict.fromkeys(c.code for c in verdict.checks if c.outcome.value == "warn")
        )
        what = "already there" if not verdict.added else f"{verdict.added} added"
        text = f"accepted  {verdict.name}  {what}{f'  ({marks})' if marks else ''}"
    return visible(text)
