"""A page that is shown again only while it certainly says the same.

What a page says follows from who asks for what, from the clock, and from what it reads in the
database. So each statement is kept with its rows beside the finished page. When it is asked for
again, every statement is sent again, and only if each has the very same rows is the page shown:
a query costs a tenth of what Django needs to compose it and to render what it found. Nothing
has to tell that something has changed, and no other process has to know.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from secrets import token_hex
from threading import Lock
from typing import Any
from weakref import WeakValueDictionary

from django.contrib.messages import get_messages
from django.db import NotSupportedError, connection
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.template.response import TemplateResponse
from django.utils import timezone, translation

PAGES = 64  # of a process
MOST_ROWS = 2_000  # that are kept beside a page
MOST_BYTES = 512 * 1024  # of a page that is kept: each of its links repeats a long address
PATIENCE = 1.0  # seconds
TOKEN = token_hex(16)  # stands for the CSRF token, which is another one in each answer
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d")  # as SQLite is given one


def remembered(
    request: HttpRequest,
    make: Callable[[], HttpResponse],
    holds_until: Callable[[TemplateResponse, datetime], datetime],
) -> HttpResponse:
    """The page that `make` would answer with.

    Args:
        make: is called where the page is not known, or may say something else by now. It may
            depend on nothing but the address, the user, the clock and the database.
        holds_until: given the answer and the time it was begun at, the first moment at which the
            clock alone makes it say something else.
    """
    if request.method != "GET" or len(get_messages(request)):
        return make()
    key = _asked(request)
    if page := _memory.find(key):
        return page.shown_to(request)
    with _memory.one_at_a_time(key):
        if page := _memory.find(key):  # somebody else has made it meanwhile
            return page.shown_to(request)
        return _made(request, key, make, holds_until)


def _made(
    request: HttpRequest,
    key: Hashable,
    make: Callable[[], HttpResponse],
    holds_until: Callable[[TemplateResponse, datetime], datetime],
) -> HttpResponse:
    """A new page, which is kept if that can be done."""
    now, reads, session = timezone.now(), Reads(), dict(request.session.items())
    with reads.taken_down():
        answer = make()
        if not isinstance(answer, TemplateResponse) or answer.status_code != HTTPStatus.OK:
            return answer
        answer.context_data = {**(answer.context_data or {}), "csrf_token": TOKEN}
        answer.render()
    page = Page(answer.content.split(TOKEN.encode()), reads, now, holds_until(answer, now))
    is_like_others = not answer.cookies and session == dict(request.session.items())
    if reads.can_be_repeated and is_like_others and len(answer.content) <= MOST_BYTES:
        _memory.keep(key, page)
    # The answer itself, as whoever waits for it may look at what it was made of.
    answer.content = page.body(request)
    return answer


def forget() -> None:
    """All pages, for tests: whatever is no row of the database differs from one to the next."""
    _memory.pages.clear()


def _asked(request: HttpRequest) -> Hashable:
    """Who asks for what; what of a user stands on a page, and all that he or she may do."""
    user: Any = request.user
    may_all = user.is_active and user.is_superuser
    return (
        request.get_host(),
        request.get_full_path(),
        translation.get_language(),
        timezone.get_current_timezone_name(),
        user.pk,
        user.get_username(),
        user.get_short_name(),
        user.has_usable_password(),
        None if may_all else frozenset(user.get_all_permissions()),
    )


class Fetched:
    """A cursor whose rows have all been fetched."""

    def __init__(self, cursor: Any) -> None:
        self.cursor = cursor
        self.rows = cursor.fetchall() if cursor.description else []
        self._left = iter(self.rows)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cursor, name)

    def __iter__(self) -> Iterator[Any]:
        return self._left

    def fetchone(self) -> Any:
        return next(self._left, None)

    def fetchmany(self, size: int = 1) -> list[Any]:
        return [row for _, row in zip(range(size), self._left, strict=False)]

    def fetchall(self) -> list[Any]:
        return list(self._left)


@dataclass(slots=True)
class Reads:
    """Statements in their order, each with its parameters and the rows that it had."""

    made: list[tuple[str, Any, list[Any]]] = field(default_factory=list)
    can_be_repeated: bool = True
    texts: list[str] = field(default_factory=list)  # each with its parameters in it; PostgreSQL

    @contextmanager
    def taken_down(self) -> Iterator[None]:
        with connection.execute_wrapper(self._execute):
            yield

    def _execute(
        self, execute: Any, sql: str, parameters: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        wrapper = context["cursor"]
        if isinstance(wrapper.cursor, Fetched):
            wrapper.cursor = wrapper.cursor.cursor
        done = execute(sql, parameters, many, context)
        if many or not sql.startswith("SELECT ") or _knows_the_clock(parameters):
            self.can_be_repeated = False  # a change; or it was given the clock, which goes on
        else:
            with connection.wrap_database_errors:  # a damaged file shows only while rows are read
                wrapper.cursor = Fetched(wrapper.cursor)
            self.made.append((sql, parameters, wrapper.cursor.rows))
            self.can_be_repeated &= sum(len(rows) for _, _, rows in self.made) <= MOST_ROWS
        return done

    def are_the_same(self) -> bool:
        """Whether each has the same rows now."""
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                return self._are_at_once(cursor)
            for sql, parameters, rows in self.made:
                cursor.execute(sql, parameters)
                if cursor.fetchall() != rows:
                    return False
        return True

    def _are_at_once(self, cursor: Any) -> bool:
        """The same, all in one message, and each planned but once by a connection to PostgreSQL.

        To plan them takes longer than to run them. A plan is for the very parameters, as they are
        part of the text; one for columns that an upgrade has changed meanwhile is of no more use.
        """
        from psycopg import Cursor  # noqa: PLC0415 - takes its time, where SQLite is the database

        self.texts = self.texts or [cursor.mogrify(sql, given) for sql, given, _ in self.made]
        held = cursor.connection
        held.prepare_threshold = 0  # of these cursors; Django's prepare nothing
        try:
            with connection.wrap_database_errors, held.pipeline():
                asked = [Cursor(held).execute(text, prepare=True) for text in self.texts]
                found = [one.fetchall() for one in asked]
        except NotSupportedError:
            connection.close()
            return False
        return found == [rows for _, _, rows in self.made]


def _knows_the_clock(parameters: Any) -> bool:
    """Whether a moment is among them: it may be the present one, or follow from it."""
    values = parameters.values() if isinstance(parameters, dict) else parameters or ()
    return any(
        isinstance(value, datetime) or (isinstance(value, str) and _MOMENT.match(value))
        for value in values
    )


@dataclass(frozen=True, slots=True)
class Page:
    """`parts` have the CSRF token between them."""

    parts: list[bytes]
    reads: Reads
    made_at: datetime
    until: datetime

    def is_true(self) -> bool:
        """Whether a new page would say the same now."""
        return self.made_at <= timezone.now() < self.until and self.reads.are_the_same()

    def body(self, request: HttpRequest) -> bytes:
        return get_token(request).encode().join(self.parts)

    def shown_to(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(self.body(request))


class _Memory:
    """The pages that were asked for last."""

    def __init__(self) -> None:
        self.pages: OrderedDict[Hashable, Page] = OrderedDict()
        self._makers: WeakValueDictionary[Hashable, Lock] = WeakValueDictionary()
        self._lock = Lock()

    def find(self, key: Hashable) -> Page | None:
        """The page, if it is true now."""
        with self._lock:
            if key in self.pages:
                self.pages.move_to_end(key)
            page = self.pages.get(key)
        return page if page and page.is_true() else None

    @contextmanager
    def one_at_a_time(self, key: Hashable) -> Iterator[None]:
        """Who asks for a page while another makes it waits for that one, but not for long."""
        with self._lock:
            maker = self._makers.setdefault(key, Lock())
        is_alone = maker.acquire(timeout=PATIENCE)
        try:
            yield
        finally:
            if is_alone:
                maker.release()

    def keep(self, key: Hashable, page: Page) -> None:
        with self._lock:
            self.pages[key] = page
            self.pages.move_to_end(key)
            while len(self.pages) > PAGES:
                self.pages.popitem(last=False)


_memory = _Memory()
