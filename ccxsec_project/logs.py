"""Log lines that nobody can forge, and error reports that hold no secret."""

import json
import logging
import re
from collections.abc import ItemsView
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter

from certificates.access import acting_now
from certificates.x509.visible import visible

REQUEST: ContextVar[str] = ContextVar("request", default="")  # the id of what is being answered
MOST = 16_384  # characters of one text in a JSON line


class OneLineFormatter(logging.Formatter):
    """One record is one line: line breaks and control characters in it become escapes."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        record.message = visible(record.message)
        return super().formatMessage(record)

    def formatException(  # noqa: N802 - logging's own name
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None]
        | tuple[None, None, None],
    ) -> str:
        # Set back, so that no line of a trace can pass for a record.
        trace = super().formatException(ei).splitlines()
        return "\n".join(f"    {visible(line)}" for line in trace)


class JsonFormatter(logging.Formatter):
    """One record is one JSON object in one line of ASCII (docs/scaling.md lists its names).

    Invisible characters of a text are escapes already before JSON escapes what is left, so that no
    viewer of the log can be led astray either. `extra={"fields": {...}}` adds names of its own.
    """

    def format(self, record: logging.LogRecord) -> str:
        name, _, address = acting_now().partition(", ")
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": visible(record.getMessage())[:MOST],
            "process": record.process,
            "request": REQUEST.get(),
            "user": visible(name),
            "address": visible(address),
        }
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[0]:
            trace = self.formatException(record.exc_info).splitlines()
            line["trace"] = [visible(part)[:MOST] for part in trace]
        return json.dumps({name: value for name, value in line.items() if value != ""})


class UnknownHost(logging.Filter):
    """Django's record of a host name that is none of ours, with the name of our setting."""

    def filter(self, record: logging.LogRecord) -> bool:
        said = re.sub(r"\bALLOWED_HOSTS", "CCXSEC_ALLOWED_HOSTS", record.getMessage())
        record.msg, record.args = said, ()
        record.levelno, record.levelname, record.exc_info = logging.WARNING, "WARNING", None
        return True


class SilentReporterFilter(SafeExceptionReporterFilter):
    """Local variables never enter a report: any of them may be a key."""

    def is_active(self, request: HttpRequest | None) -> bool:
        return True

    def get_traceback_frame_variables(self, request: Any, tb_frame: Any) -> ItemsView[str, Any]:
        return {}.items()
