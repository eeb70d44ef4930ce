"""How the standing of a policy looks, in the list and on its page alike."""

from datetime import datetime

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from certificates.cells import badge, recorded, with_legacy
from certificates.sentence import lowered, say, together
from ipsec.find import ANY
from ipsec.models import Policy
from ipsec.moments import clock, distance
from ipsec.policy.choices import Protocol
from ipsec.policy.definition import Definition
from ipsec.policy.rules import legacy_choices
from ipsec.standing import Leak, Standing, Word

_WORDS = {
    Word.IN_FORCE: "valid",
    Word.WAITING: "valid",
    Word.NEGOTIATING: "soon",
    Word.FAILED: "critical",
    Word.DRIFT: "soon",
    Word.NOT_IN_FORCE: "critical",
    Word.DISABLED: "plain",
}
_LEAKS = {
    Leak.PROTECTED: "valid",
    Leak.BLOCKED: "soon",
    Leak.CLEAR: "critical",
    Leak.UNKNOWN: "plain",
}


def word_badge(standing: Standing) -> SafeString:
    """The state in a word, such as *in force*."""
    return badge(standing.word.label, _WORDS[standing.word])


def leak_badge(standing: Standing) -> SafeString:
    """What happens to a packet. That of a disabled policy may well leave in the clear."""
    kind = _LEAKS[standing.leak]
    if standing.word is Word.DISABLED and standing.leak is Leak.CLEAR:
        kind = "plain"
    return badge(standing.leak.label, kind)


def live(name: str, pk: int, content: SafeString | str, says: str) -> SafeString:
    """A part that the script takes over when its fresh content differs.

    Args:
        name: of the part; with the policy's key it is unique on a page.
        says: what is told to who can't see the change.
    """
    return format_html(
        '<span id="{}-{}" data-live data-says="{}">{}</span>', name, pk, says, content
    )


def state_cell(row: Policy, standing: Standing, now: datetime) -> SafeString:
    """The state in a word, and below it since when, or what stands in the way."""
    page = reverse("admin:ipsec_policy_page", args=[row.pk])
    wrong = recorded(standing.sentence) if _WORDS[standing.word] in ("critical", "soon") else ""
    content = format_html('<a class="plainly" href="{}">{}</a>', page, word_badge(standing))
    if row.trial_until:
        content += format_html(" {}", badge(say("On trial"), "soon"))
    if standing.since:
        since = say(
            "since {clock}, {distance}.",
            clock=clock(standing.since, now),
            distance=distance(standing.since, now),
        )
        wrong = together(since, wrong)
    if wrong:
        content += format_html('<small class="quiet">{}</small>', wrong)
    says = say("{policy}: {word}", policy=row, word=lowered(standing.word.label))
    return live("state", row.pk, content, says)


def enabled_cell(row: Policy) -> SafeString:
    """Whether it is enabled: the end of a trial changes it while somebody looks."""
    shown = badge(say("Yes"), "valid") if row.is_enabled else badge(say("No"), "plain")
    return live("enabled", row.pk, shown, "")


def leak_cell(row: Policy, standing: Standing) -> SafeString:
    """What happens to its packets, in a word."""
    says = say("{policy}: {word}", policy=row, word=lowered(standing.leak.label))
    return live("leak", row.pk, leak_badge(standing), says)


def algorithms_cell(definition: Definition) -> SafeString:
    """Phase one, then phase two; marked once where anything of it is legacy."""
    weak = legacy_choices(definition)
    text = format_html("{}", with_legacy(phase_one(definition), is_legacy=bool(weak)))
    return format_html(
        '<span class="cell">{}<small class="quiet">{}</small></span>', text, phase_two(definition)
    )


def phase_one(definition: Definition) -> str:
    """Such as "IKEv2, AES-256-GCM, SHA-384, DH 20"."""
    choices = (definition.ike_version, definition.encryption, definition.hash)
    return f"{', '.join(one.label for one in choices)}, DH {definition.phase_one_dh.value}"


def phase_two(definition: Definition) -> str:
    """Such as "ESP AES-256-GCM, DH 20"."""
    group = definition.phase_two_dh.value
    if not group:
        return say("ESP {algorithm}, no DH", algorithm=definition.esp.label)
    return f"ESP {definition.esp.label}, DH {group}"


def traffic_text(definition: Definition) -> str:
    """Such as "TCP, any port to 8443"."""
    ports = definition.source_port, definition.destination_port
    protocol = definition.protocol.label
    if not any(ports) and definition.protocol is Protocol.ANY:
        return say("All")
    if not any(ports):
        return say("{protocol}, all ports", protocol=protocol)
    source, destination = (str(port) if port else lowered(ANY) for port in ports)
    return say(
        "{protocol}, {source} to {destination}",
        protocol=protocol,
        source=source,
        destination=destination,
    )
