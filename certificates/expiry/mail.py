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
    what_to_do,
)
from certificates.expiry.severity import distance
from certificates.x509.visible import visible

POLICY = SMTP.clone(cte_type="7bit")  # goes through every server, also one without 8BITMIME
_LONGEST_NAME = 200


def digest_message(
    digest: Digest, *, message_id: str, sender: str, recipients: Sequence[str]
) -> bytes:
    """The message as it goes over the line; the same arguments give the same bytes.

    Args:
        message_id: with its angle brackets.
    """
    message = _headed(digest.subject, digest.at, message_id, sender, recipients)
    message.set_content(_text(digest))
    message.add_alternative(_html(digest), subtype="html")
    if digest.left_out:
        name = f"expiring-{digest.at.astimezone(UTC):%Y-%m-%d}.csv"
        message.add_attachment(digest.table, subtype="csv", filename=name)
    return _bytes(message, message_id)


def trial_message(
    *, node: str, base: str, message_id: str, sender: str, recipients: Sequence[str], at: datetime
) -> bytes:
    """What the test button sends (MO-3)."""
    message = _headed("[ccxsec] Test message", at, message_id, sender, recipients)
    text = f"This is a test of the Certificate Monitor on {visible(node)}.\n\n"
    text += "Warnings before certificates expire will come to these addresses.\n\n"
    message.set_content(f"{text}{base}admin/monitor/\n")
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
    return "\n".join(_text_lines(digest)) + "\n"


def _text_lines(digest: Digest) -> Iterator[str]:
    yield f"{digest.total:,} certificate{'s' if digest.total != 1 else ''} on {moment(digest.at)}"
    if digest.left_out:
        yield digest.left_out
    for kind, members in digest.groups:
        yield ""
        yield f"{kind.heading} ({digest.counts[kind]:,})"
        yield "-" * 40
        for found in members:
            yield ""
            yield f"{_name(found.file_name)} on {_name(found.node)}"
            yield f"  {found.unit} ({found.type}), common name {_name(found.common_name) or '-'}"
            yield f"  {_when(found, digest.at)}"
            yield f"  SHA-256 {found.fingerprint[:FINGERPRINT]}..."
            if found.link:
                yield f"  {found.link}"
            yield f"  {what_to_do(found)}"
    yield ""
    yield "To be left in peace about one: acknowledge it on its page, with a reason and a date."
    yield f"{digest.base}admin/monitor/"


def _when(found: Found, at: datetime) -> str:
    word = "expired" if found.not_after < at else "expires"
    return f"{word} {moment(found.not_after)}, {distance(found.not_after, at)}"


def _html(digest: Digest) -> str:
    head = f"{digest.total:,} certificate{'s' if digest.total != 1 else ''}, {moment(digest.at)}"
    parts = [f'<!doctype html><html lang="en"><body><h1>{escape(head)}</h1>']
    if digest.left_out:
        parts.append(f"<p>{escape(digest.left_out)}</p>")
    for kind, members in digest.groups:
        parts.append(f"<h2>{escape(kind.heading)} ({digest.counts[kind]:,})</h2>")
        parts.append('<table border="1" cellpadding="6" cellspacing="0"><tr>')
        headings = ("Certificate", "Node", "Expiration", "What to do")
        parts += [f'<th align="left">{heading}</th>' for heading in headings]
        parts.append("</tr>")
        parts += [_html_row(found, digest.at) for found in members]
        parts.append("</table>")
    page = escape(f"{digest.base}admin/monitor/")
    parts.append(f'<p><a href="{page}">Certificate Monitor</a></p></body></html>')
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
        escape(_when(found, at)),
        escape(what_to_do(found)),
    )
    return f"<tr>{''.join(f'<td valign=top>{cell}</td>' for cell in cells)}</tr>"
