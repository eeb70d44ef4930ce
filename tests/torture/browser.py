"""A browser of the torture run: HTTPS, cookies, forms as they stand in a page. Standard library."""

import http.client
import re
import secrets
import ssl
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode, urlsplit

PATIENCE = 60.0  # seconds for one answer: longer than the database's own wait for its lock


class CutError(Exception):
    """No answer came: nobody can say what was done."""


@dataclass(frozen=True)
class Answer:
    """Status, where it leads to, and the page."""

    status: int
    location: str
    text: str

    @property
    def is_sign_in(self) -> bool:
        return self.status == 302 and "/login/" in self.location

    @property
    def outcome(self) -> str:
        """Of a change: "done", "refused", or "unknown" (an outage); "error" is a bug."""
        if self.is_sign_in:
            return "refused"
        if self.status in (301, 302, 303):
            return "done"
        if self.status == 503:
            return "unknown"
        return "error" if self.status >= 500 else "refused"


class Forms(HTMLParser):
    """The forms of a page that change something: address -> the fields as they stand there."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self._select = self._text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append((values.get("action", ""), {}))
        if not self.found:
            return
        fields, name = self.found[-1][1], values.get("name", "")
        if tag == "input" and name:
            kind = values.get("type", "text")
            if kind not in ("checkbox", "radio", "file", "submit") or "checked" in values:
                fields[name] = values.get("value", "on" if kind == "checkbox" else "")
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            if "selected" in values or self._select not in fields:
                fields[self._select] = values.get("value", "")
        elif tag == "textarea" and name:
            self._text = name
            fields[name] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._text = ""

    def handle_data(self, data: str) -> None:
        if self._text and self.found:
            self.found[-1][1][self._text] += data

    def with_field(self, name: str) -> dict[str, str] | None:
        return next((dict(fields) for _, fields in self.found if name in fields), None)


@dataclass
class Browser:
    """One person at one web server, or at several in turn."""

    ports: list[int]
    user: str
    password: str
    cookies: dict[str, str] = field(default_factory=dict)
    turn: int = 0

    def get(self, path: str) -> Answer:
        return self._ask("GET", path, b"", "")

    def post(self, path: str, fields: dict[str, str], file: bytes | None = None) -> Answer:
        """As a form is sent; `file` is its field of that name."""
        token = next((v for k, v in self.cookies.items() if "csrf" in k), "")
        values = fields | {"csrfmiddlewaretoken": token}
        if file is None:
            body, kind = urlencode(values).encode(), "application/x-www-form-urlencoded"
        else:
            body, kind = _multipart(values, file)
        return self._ask("POST", path, body, kind)

    def sign_in(self) -> bool:
        self.cookies.clear()
        self.get("/admin/login/")
        fields = {"username": self.user, "password": self.password, "next": "/admin/"}
        answer = self.post("/admin/login/", fields)
        return answer.status == 302 and not answer.is_sign_in

    def form(self, path: str, name: str) -> dict[str, str] | None:
        """The form of a page that has a field of this name; None: there is none now."""
        answer = self.get(path)
        return Forms(answer.text).with_field(name) if answer.status == 200 else None

    def _ask(self, method: str, path: str, body: bytes, kind: str) -> Answer:
        self.turn += 1
        port = self.ports[self.turn % len(self.ports)]
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        line = http.client.HTTPSConnection("localhost", port, timeout=PATIENCE, context=context)
        headers = {"Referer": f"https://localhost:{port}/", "Connection": "close"}
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if kind:
            headers["Content-Type"] = kind
        try:
            line.request(method, path, body or None, headers)
            response = line.getresponse()
            text = response.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            raise CutError(type(error).__name__) from error
        finally:
            line.close()
        for value in response.headers.get_all("Set-Cookie") or []:
            name, _, rest = value.partition("=")
            self.cookies[name.strip()] = rest.partition(";")[0]
        location = urlsplit(response.headers.get("Location", ""))
        return Answer(response.status, f"{location.path}?{location.query}", text)


def _multipart(fields: dict[str, str], file: bytes) -> tuple[bytes, str]:
    edge = f"edge{secrets.token_hex(12)}"
    parts = [
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="a.pem"\r\n\r\n'
    body = b"".join([*parts, head.encode(), file, f"\r\n--{edge}--\r\n".encode()])
    return body, f"multipart/form-data; boundary={edge}"


def key_in(location: str) -> int:
    """The number of the row that an answer leads to; 0 for none."""
    found = re.search(r"/(\d+)/", location)
    return int(found[1]) if found else 0
