"""A mail server, spoken to step by step, so that every answer and the stage are known (MO-3, MO-4).

Python's own `sendmail` says too little: what each address was answered, and whether the text may
have arrived when the line breaks.
"""

import contextlib
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from certificates.outgoing import ForbiddenAddressError, connect
from certificates.sentence import say, say_as
from certificates.x509.visible import visible

PATIENCE = 20.0  # seconds for one answer
WHOLE = 45.0  # seconds for a conversation, up to the text
LAST = 75.0  # seconds for the answer to the text: servers look into it before they take it
_GREETED, _HANGS_UP = 220, 421
_TAKEN, _REFUSED = 2, 5  # the first digit of an answer


@dataclass(frozen=True, slots=True)
class Server:
    """Where and how. `security` is starttls, tls or none; `ca_file` is trusted besides the system.

    Args:
        password: "" with no user.
    """

    host: str
    port: int
    security: str
    user: str = ""
    password: str = field(default="", repr=False)
    sender: str = ""
    ca_file: str = ""
    greets_as: str = "localhost"  # a look-up of our own name could take as long as the rest


class Stage(Enum):
    """How far it came. From HANDED on, nobody but the server knows whether it has the message."""

    CONNECT = say_as("it broke while", "connecting")
    TLS = say("protecting the connection")
    SIGN_IN = say("signing in")
    MAIL = say("naming the sender")
    RECIPIENTS = say("naming the recipients")
    HANDED = say("handing over the text")
    DONE = say("done")


@dataclass(frozen=True, slots=True)
class Reply:
    """The server's own answer."""

    code: int
    text: str

    @property
    def is_taken(self) -> bool:
        return self.code // 100 == _TAKEN

    @property
    def is_final(self) -> bool:
        """5xx: asking again would change nothing."""
        return self.code // 100 == _REFUSED

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


@dataclass(slots=True)
class Conversation:
    """What was said. `reply` is the answer to the text, or to what ended it before.

    `problem` is "" when the text was taken; else a sentence for the operator, with what to do.
    """

    stage: Stage = Stage.CONNECT
    recipients: dict[str, Reply] = field(default_factory=dict)
    reply: Reply | None = None
    problem: str = ""

    @property
    def was_taken(self) -> bool:
        return self.stage is Stage.DONE

    @property
    def was_turned_away(self) -> bool:
        """It did not come to the recipients: no other message would, either."""
        return bool(self.problem) and not self.recipients and not self.was_taken

    @property
    def may_be_sent(self) -> bool:
        """The text was handed over, and no answer came."""
        return self.stage is Stage.HANDED and self.reply is None


def converse(
    server: Server,
    recipients: Sequence[str],
    content: bytes,
    *,
    hand_over: Callable[[Sequence[str]], bool] = lambda _: True,
    patience: float = PATIENCE,
    whole: float = WHOLE,
    last: float | None = None,
) -> Conversation:
    """Send `content` to each of `recipients` that the server takes.

    Args:
        hand_over: called with these right before the text; False ends it there.
        patience: seconds for each answer.
        whole: seconds for everything up to the text.
        last: seconds for the answer to the text; None: `LAST`.
    """
    said = Conversation()
    client = _Client(server, patience, whole, LAST if last is None else last)
    try:
        _talk(client, said, recipients, content, hand_over)
    except (OSError, UnicodeError) as error:  # smtplib's own errors are OSErrors
        code = getattr(error, "smtp_code", None)
        if isinstance(code, int) and code > 0:
            said.reply = _reply(code, getattr(error, "smtp_error", b""))
        said.problem = explain(error, said.stage, server)
    finally:
        client.close()
    return said


def _talk(
    client: "_Client",
    said: Conversation,
    recipients: Sequence[str],
    content: bytes,
    hand_over: Callable[[Sequence[str]], bool],
) -> None:
    client.begin(said)
    said.stage = Stage.MAIL
    options = [f"size={len(content)}"] if client.has_extn("size") else []
    said.reply = _reply(*client.within().mail(client.server.sender, options))
    if not said.reply.is_taken:
        said.problem = say(
            "The server refused the sender {sender}: {reply}.",
            sender=client.server.sender,
            reply=said.reply,
        )
        return
    said.stage, said.reply = Stage.RECIPIENTS, None
    for address in recipients:
        answer = _reply(*client.within().rcpt(address))
        said.recipients[address] = answer
        if answer.code == _HANGS_UP:  # the others were not asked
            break
    taken = [address for address, answer in said.recipients.items() if answer.is_taken]
    if not taken:
        said.reply = next(reversed(said.recipients.values()))
        said.problem = say("The server took none of the recipients: {reply}.", reply=said.reply)
        return
    if not hand_over(taken):
        said.problem = say("Another worker has taken over.")
        return
    said.stage = Stage.HANDED
    said.reply = _reply(*client.within(client.last).data(content))
    if not said.reply.is_taken:
        said.problem = say("The server refused the message: {reply}.", reply=said.reply)
        return
    said.stage = Stage.DONE
    client.leave()


class _Client(smtplib.SMTP):
    """Each step within what is left of the time."""

    def __init__(self, server: Server, patience: float, whole: float, last: float) -> None:
        self.server, self.patience, self.last = server, patience, last
        self.deadline = time.monotonic() + whole
        super().__init__(timeout=patience, local_hostname=server.greets_as)
        self._host = server.host  # the name that its certificate must have

    def within(self, longest: float = 0.0) -> "_Client":
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(say("timed out: the whole conversation took too long"))
        if self.sock:
            self.sock.settimeout(longest or min(self.patience, max(left, 1.0)))
        return self

    def begin(self, said: Conversation) -> None:
        """Greeting, TLS and sign-in."""
        code, text = self.within().connect(self.server.host, self.server.port)
        if code != _GREETED:
            raise smtplib.SMTPConnectError(code, text)
        self.within().ehlo_or_helo_if_needed()
        if self.server.security == "starttls":
            said.stage = Stage.TLS
            self.within().starttls(context=_context(self.server))
            self.within().ehlo()
        if self.server.user:
            said.stage = Stage.SIGN_IN
            self.within().login(self.server.user, self.server.password)

    def leave(self) -> None:
        with contextlib.suppress(OSError):  # it has the message, whatever it says now
            self.within(2.0).quit()

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = connect(host, port, timeout=timeout)
        if self.server.security != "tls":
            return plain
        try:
            return _context(self.server).wrap_socket(plain, server_hostname=host)
        except OSError:
            plain.close()
            raise


def _context(server: Server) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if server.ca_file:
        context.load_verify_locations(Path(server.ca_file))
    return context


def _reply(code: int, text: bytes | str) -> Reply:
    words = text.decode(errors="replace") if isinstance(text, bytes) else text
    return Reply(code, visible(" ".join(words.split()))[:400])


def explain(error: Exception, stage: Stage, server: Server) -> str:
    """What went wrong, in words, with what to do next; the server's own answer is in it."""
    where = say("{host} port {port}", host=server.host, port=server.port)
    if isinstance(error, ForbiddenAddressError):
        return say("{error}, and not an address of a mail server. Enter another host.", error=error)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return _explain_missing(stage, where)
    if isinstance(error, smtplib.SMTPResponseException):
        return _explain_answer(error, stage, where)
    text = visible(" ".join(str(error).split()))[:300]
    if stage is Stage.HANDED:
        return say(
            "The line broke while {stage}: the server may have it ({text}).",
            stage=stage.value,
            text=text,
        )
    if isinstance(error, ssl.SSLError):
        return _explain_tls(error, where, text)
    return _explain_connection(error, stage, where, text)


def _explain_missing(stage: Stage, where: str) -> str:
    if stage is Stage.TLS:
        return say("{where} offers no STARTTLS. Choose TLS or none, or another port.", where=where)
    return say("{where} offers no sign-in on this connection. Choose STARTTLS or TLS.", where=where)


def _explain_answer(error: smtplib.SMTPResponseException, stage: Stage, where: str) -> str:
    answer = _reply(error.smtp_code, error.smtp_error)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return say(
            "The server refused user or password: {answer}. Enter them again.", answer=answer
        )
    if not isinstance(error, smtplib.SMTPConnectError):
        return say("The server answered {answer}, while {stage}.", answer=answer, stage=stage.value)
    if error.smtp_code < 0:
        return say("What answers at {where} is no mail server. Look at host and port.", where=where)
    again = say("Ask its administrator.") if answer.is_final else say("It is tried again.")
    return say(
        "The server at {where} turned us away: {answer}. {again}",
        where=where,
        answer=answer,
        again=again,
    )


def _explain_tls(error: ssl.SSLError, where: str, text: str) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return say(
            "The certificate of {where} is not trusted: {why}. Name its CA, or the right host.",
            where=where,
            why=error.verify_message or text,
        )
    return say(
        "{where} does not speak TLS at once ({reason}). Choose STARTTLS.",
        where=where,
        reason=error.reason,
    )


def _explain_connection(error: Exception, stage: Stage, where: str, text: str) -> str:
    if isinstance(error, socket.gaierror):
        return say(
            "The name of the server is not known: {where}. Look at it, and at the DNS.", where=where
        )
    if isinstance(error, ConnectionRefusedError):
        return say(
            "Nobody answers at {where}: connection refused. Look at host and port.", where=where
        )
    if stage is Stage.CONNECT and (isinstance(error, TimeoutError) or "timed out" in text):
        hint = say("It may be down, behind a firewall, or expect TLS where STARTTLS is chosen.")
        return say(
            "{where} was silent, while {stage}. {hint}", where=where, stage=stage.value, hint=hint
        )
    return say(
        "The line to {where} broke while {stage}: {why}.",
        where=where,
        stage=stage.value,
        why=text or type(error).__name__,
    )
