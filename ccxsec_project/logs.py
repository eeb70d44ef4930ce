"""Log lines that nobody can forge, and error reports that hold no secret."""

import logging
from collections.abc import ItemsView
from types import TracebackType
from typing import Any

from django.http import HttpRequest
from django.views.debug import SafeExceptionReporterFilter

from certificates.x509.visible import visible


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


class SilentReporterFilter(SafeExceptionReporterFilter):
    """Local variables never enter a report: any of them may be a key."""

    def is_active(self, request: HttpRequest | None) -> bool:
        return True

    def get_traceback_frame_variables(self, request: Any, tb_frame: Any) -> ItemsView[str, Any]:
        return {}.items()
