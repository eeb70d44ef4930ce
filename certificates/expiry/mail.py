"""The digest as a mail message: plain text, HTML, and the whole as a table (MO-2).

`EmailMessage` refuses line breaks in a header and folds long ones; what is hostile becomes visible
before it gets there.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from hashlib import sha256
from html import escape

from certificates.expiry.digest import (
    FINGERPRINT,
    Digest,
    Found,
    moment,
    shortened,
    subject_of,
    what_to_do,
)
from certificates.expiry.severity import Severity, distance
from certificates.sentence import in_language, say, say_count
from certificates.x509.visible import visible

POLICY = SMTP.clone(cte_type="7bit")  # goes through every server, also one without 8BITMIME
_LONGEST_NAME = 200


def digest_message(
    digest: Digest,
    *,
    message_id: str,
    sender: str,
    recipients: Sequence[str],
    language: str = "en",
) -> bytes:
    """The message as it goes over the line; the same arguments give the same bytes.

    Args:
        message_id: with its angle brackets.
        language: of the moment, in which the texts are: what the HTML says of itself.
    """
    message = _headed(subject_of(digest), digest.at, message_id, sender, recipients)
    message.set_content(_text(digest))
    message.add_alternative(_html(digest, language), subtype="html")
    if digest.left_out:
        name = f"expiring-{digest.at.astimezone(UTC):%Y-%m-%d}.csv"
        message.add_attachment(digest.table, subtype="csv", filename=name)
    return _bytes(message, message_id)


def trial_message(
    *, node: str, base: str, message_id: str, sender: str, recipients: Sequence[str], at: datetime
) -> bytes:
    """What the test button sends (MO-3)."""
    subject = in_language(say("[ccxsec] Test message"))
    message = _headed(subject, at, message_id, sender, recipients)
    lines = (
        say("This is a test of the Certificate Monitor on {node}.", node=visible(node)),
        "",
        say("Warnings before certificates expire will come to these addresses."),
        "",
        f"{base}admin/monitor/",
    )
    message.set_content("".join(f"{in_language(line)}\n" for line in lines))
    return _bytes(message, message_id)


def _headed(
    subject: str, at: datetime, message_id: str, sender: str, recipients: Sequence[str]
) -> EmailMessage:
    message = EmailMessage(policy=POLICY)
    message["Subject"] = visible(subject)
    message["From"] = Address("ccxsec", addr_spec=sender)
    message["To"] = [Address(addr_spec=one) for one in recipients]
    message["Date"] = at
    message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notice answers it
    return message


def _bytes(message: EmailMessage, message_id: str) -> bytes:
    """Boundaries are random by themselves: here they follow from the Message-ID."""
    parts = [part for part in message.walk() if part.is_multipart()]
    for number, part in enumerate(parts):
        part.set_boundary(sha256(f"{message_id} {number}".encode()).hexdigest()[:40])
    return message.as_bytes()


def _name(text: str) -> str:
    return shortened(visible(text), _LONGEST_NAME)


def _text(digest: Digest) -> str:
    return "".join(f"{in_language(line)}\n" for line in _text_lines(digest))


def _text_lines(digest: Digest) -> Iterator[str]:
    yield _head(digest)
    if digest.left_out:
        yield digest.left_out
    for kind, members in digest.groups:
        yield ""
        yield _heading(kind, digest)
        yield "-" * 40
        for found in members:
            yield ""
            yield say("{file} on {node}", file=_name(found.file_name), node=_name(found.node))
            about = say(
                "{unit} ({type}), common name {common_name}",
                unit=found.unit,
                type=found.type,
                common_name=_name(found.common_name) or "-",
            )
            yield f"  {in_language(about)}"
            yield f"  {in_language(_when(found, digest.at))}"
            yield f"  SHA-256 {found.fingerprint[:FINGERPRINT]}..."
            if found.link:
                yield f"  {found.link}"
            yield f"  {in_language(what_to_do(found))}"
    yield ""
    yield say(
        "To be left in peace about one: acknowledge it on its page, with a reason and a date."
    )
    yield f"{digest.base}admin/monitor/"


def _when(found: Found, at: datetime) -> str:
    when, far = moment(found.not_after), distance(found.not_after, at)
    if found.not_after < at:
        return say("expired {moment}, {distance}", moment=when, distance=far)
    return say("expires {moment}, {distance}", moment=when, distance=far)


def _head(digest: Digest) -> str:
    return say_count(
        "{count} certificate on {moment}",
        "{count} certificates on {moment}",
        digest.total,
        count=f"{digest.total:,}",
        moment=moment(digest.at),
    )


def _heading(kind: Severity, digest: Digest) -> str:
    return f"{in_language(kind.heading)} ({digest.counts[kind]:,})"


def _shown(text: str) -> str:
    """In the language of the moment, for HTML."""
    return escape(in_language(text))


def _html(digest: Digest, language: str) -> str:
    count = say_count(
        "{count} certificate", "{count} certificates", digest.total, count=f"{digest.total:,}"
    )
    head = f"{in_language(count)}, {moment(digest.at)}"
    parts = [f'<!doctype html><html lang="{escape(language)}"><body><h1>{escape(head)}</h1>']
    if digest.left_out:
        parts.append(f"<p>{_shown(digest.left_out)}</p>")
    for kind, members in digest.groups:
        parts.append(f"<h2>{escape(_heading(kind, digest))}</h2>")
        parts.append('<table border="1" cellpadding="6" cellspacing="0"><tr>')
        headings = (say("Certificate"), say("Node"), say("Expiration"), say("What to do"))
        parts += [f'<th align="left">{_shown(heading)}</th>' for heading in headings]
        parts.append("</tr>")
        parts += [_html_row(found, digest.at) for found in members]
        parts.append("</table>")
    page = escape(f"{digest.base}admin/monitor/")
    monitor = _shown(say("Certificate Monitor"))
    parts.append(f'<p><a href="{page}">{monitor}</a></p></body></html>')
    return "\n".join(parts)


def _html_row(found: Found, at: datetime) -> str:
    name = escape(_name(found.file_name))
    if found.link:
        name = f'<a href="{escape(found.link)}">{name}</a>'
    details = f"{found.unit} ({found.type}), {_name(found.common_name) or '-'}"
    print_ = f"SHA-256 {found.fingerprint[:FINGERPRINT]}..."
    cells = (
        f"{name}<br>{escape(details)}<br><code>{escape(print_)}</code>",
        escape(_name(found.node)),
        _shown(_when(found, at)),
        _shown(what_to_do(found)),
    )
    return f"<tr>{''.join(f'<td valign=top>{cell}</td>' for cell in cells)}</tr>"
