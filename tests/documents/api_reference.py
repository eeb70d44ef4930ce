"""docs/api-reference.md: every path of the REST API, written from docs/openapi.json.

`python -m tests.documents.api_reference` writes the page; a test says when it is
out of date.
That the document is the one of the code, tests/api/test_document.py asks.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENT = ROOT / "docs" / "openapi.json"
PAGE = ROOT / "docs" / "api-reference.md"
MANY = 2**53 - 1  # the largest number that every reader of JSON keeps exactly
Schema = dict[str, Any]
HEAD = """# Every path of the REST API

<!-- Written by `python -m tests.documents.api_reference`; a test holds it to openapi.json. -->

How to sign in, what a refusal looks like, what may be sent twice, and a task from start to end:
[the REST API](api.md). For programs the same is [openapi.json](openapi.json). Moments
are ISO 8601 in UTC. *required*: must be given; in an answer: is always there.
"""


class Reference:
    """The page of one OpenAPI document."""

    def __init__(self, document: Schema) -> None:
        self.document = document
        self.schemas: dict[str, Schema] = document["components"]["schemas"]
        self.shared: dict[str, Schema] = document["components"]["responses"]

    def page(self) -> str:
        """All of it as Markdown: the operations by what they are about, then the objects."""
        groups: dict[str, list[tuple[str, str, Schema]]] = {}
        for path, operations in self.document["paths"].items():
            for method, operation in operations.items():
                groups.setdefault(operation["tags"][0], []).append((method, path, operation))
        parts = [HEAD]
        for name, group in groups.items():
            parts.append(f"\n## {name}\n")
            for method, path, operation in group:
                parts += self.operation(method, path, operation)
        parts += ["\n## Refusals\n", *self.refusals(), "\n## Objects\n"]
        for name in sorted(self.schemas):
            parts += self.object(name)
        return "".join(parts)

    def operation(self, method: str, path: str, operation: Schema) -> Iterator[str]:
        """What one does, takes and answers."""
        yield f"\n### {operation['summary']}\n\n```\n{method.upper()} {path}\n```\n"
        yield f"\n{operation['description']}\n"
        body = operation.get("requestBody")
        if operation["parameters"]:
            yield "\n| parameter | in | type | |\n|---|---|---|---|\n"
            yield from map(self.parameter, operation["parameters"])
        if body:
            yield f"\nBody: {self.content(body)}.\n"
        yield f"\nAnswers: {'; '.join(self.answers(operation['responses']))}.\n"

    def parameter(self, parameter: Schema) -> str:
        """A row of the table of parameters."""
        about = {"description": parameter.get("description", "")} | parameter["schema"]
        told = _about(about, is_required=parameter.get("required", False))
        return f"| `{parameter['name']}` | {parameter['in']} | {self.kind(about)} | {told} |\n"

    def content(self, body: Schema) -> str:
        """What a body holds."""
        told = [
            self.kind(each["schema"]) if kind == "application/json" else f"`{kind}`"
            for kind, each in body["content"].items()
        ]
        return " or ".join(told)

    def answers(self, responses: dict[str, Schema]) -> Iterator[str]:
        """Each status and what comes with it; refusals by their number."""
        for status, response in responses.items():
            if "$ref" not in response:
                content = f" with {self.content(response)}" if response.get("content") else ""
                yield f"**{status}**{content or ', nothing'}"
        refused = [status for status, response in responses.items() if "$ref" in response]
        yield f"refused with [{', '.join(sorted(refused))}](#refusals)"

    def refusals(self) -> Iterator[str]:
        """What the statuses of refusals mean."""
        yield "\nA [Problem](#problem) as `application/problem+json`; nothing was changed then.\n"
        yield "\n| status | meaning |\n|---|---|\n"
        yield from (
            f"| {each} | {self.shared[each]['description']} |\n" for each in sorted(self.shared)
        )

    def object(self, name: str) -> Iterator[str]:
        """What is sent or answered under that name."""
        schema = self.schemas[name]
        yield f"\n### {name}\n"
        if schema.get("description"):
            yield f"\n{schema['description']}\n"
        if "enum" in schema:
            yield f"\nOne of {_choices(schema['enum'])}.\n"
            return
        required = schema.get("required", [])
        yield "\n| field | type | |\n|---|---|---|\n"
        for field, about in schema["properties"].items():
            told = _about(about, is_required=field in required)
            yield f"| `{field}` | {self.kind(about)} | {told} |\n"

    def kind(self, schema: Schema) -> str:
        """A type in words; objects are links to where they stand below."""
        if "$ref" in schema:
            name = schema["$ref"].rsplit("/", 1)[1]
            return f"[{name}](#{name.lower()})"
        for several in ("anyOf", "allOf"):
            if several in schema:
                return " or ".join(self.kind(each) for each in schema[several])
        if "enum" in schema:
            return _choices(schema["enum"])
        if schema.get("type") == "array":
            return f"list of {self.kind(schema['items'])}"
        return str(schema.get("format") or schema.get("type", "any value"))


def _choices(values: list[Any]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _about(schema: Schema, *, is_required: bool) -> str:
    """What it is, its bounds, and what is taken without it."""
    told = [schema.get("description", "").rstrip(".")]
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None:
        is_bounded = most is not None and most < MANY
        told.append(f"{least:,} to {most:,}" if is_bounded else f"{least:,} or more")
    if "maxLength" in schema:
        told.append(f"up to {schema['maxLength']:,} characters")
    if "maxItems" in schema:
        told.append(f"up to {schema['maxItems']:,}")
    if schema.get("default") not in (None, "", [], {}):
        default = schema["default"]
        told.append(f"default: `{default if isinstance(default, str) else json.dumps(default)}`")
    text = _cell("; ".join(filter(None, told)))
    return f"*required*; {text}".removesuffix("; ") if is_required else text


def _cell(text: str) -> str:
    return re.sub(r"([|<*])", r"\\\1", " ".join(text.split()))


def page() -> str:
    """The page of the document in docs/."""
    return Reference(json.loads(DOCUMENT.read_text())).page()


if __name__ == "__main__":
    PAGE.write_text(page())
