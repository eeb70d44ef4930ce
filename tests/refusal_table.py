"""docs/refusals.md: every refusal of the product, read from its source: code, sentence, cure.

`python -m tests.refusal_table` writes the page; `--check` fails when it is out of date. What
stands in a sentence only at run time is shown as an ellipsis. A call whose code can't be found
without running the product stops it: no refusal can be left out of the page.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "refusals.md"
PACKAGES = ("certificates", "ipsec", "bulk", "ccxsec_project")
# Each called with code, sentence, cure, from that argument on.
MAKERS = {
    "Refused": 0,
    "HostKeyChanged": 0,
    "UnknownHostKey": 0,
    "Finding": 0,
    "warned": 0,
    "DaemonError": 0,
    "Fault": 1,
    "refused_sign_in": 1,
}
GAP = "…"
HEAD = """# Every refusal: what it says, and what to do

<!-- Written by `python -m tests.refusal_table`; a check holds it to the source. -->

Each reason has a code that stays the same: tests, scripts and the audit log use it. `cert import
--json` gives it as `reason` and as the `id` of a check. Sentences may change; `…` stands for what
is known only when it happens: a name, a number, a date. A code that can be a warning, too (such as
`validity`), says in its sentence which of the two it is.
"""


@dataclass(frozen=True, order=True)
class Reason:
    code: str
    sentence: str
    cure: str


class Module:
    """The source of one module, and the constants at its top."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tree = ast.parse(path.read_text())
        self.constants = dict(_assignments(self.tree.body))
        self.imported = {
            alias.asname or alias.name: (statement.module or "", alias.name)
            for statement in self.tree.body
            if isinstance(statement, ast.ImportFrom)
            for alias in statement.names
        }


def _assignments(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    for statement in body:
        if not isinstance(statement, ast.Assign):
            continue
        for target in statement.targets:
            if isinstance(target, ast.Name):
                yield target.id, statement.value
            elif isinstance(target, ast.Tuple) and isinstance(statement.value, ast.Tuple):
                for name, value in zip(target.elts, statement.value.elts, strict=True):
                    if isinstance(name, ast.Name):
                        yield name.id, value


MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): Module(path)
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}


@cache
def reasons() -> list[Reason]:
    found = {reason for module in MODULES.values() for reason in _of_module(module)}
    return sorted(found)


def _of_module(module: Module) -> Iterator[Reason]:
    functions = [n for n in ast.walk(module.tree) if isinstance(n, ast.FunctionDef)]
    for function in functions:
        if function.name in {*MAKERS, "passed"}:
            continue
        for call in ast.walk(function):
            name = (
                call.func.id
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
                else ""
            )
            if name not in MAKERS or not isinstance(call, ast.Call) or _is_passed_on(call):
                continue
            if any(call in ast.walk(inner) for inner in functions if inner in _inside(function)):
                continue
            yield _reason(call, Scope(module, function, call.lineno))


def _inside(function: ast.FunctionDef) -> list[ast.AST]:
    return [node for node in ast.walk(function) if node is not function]


def _is_passed_on(call: ast.Call) -> bool:
    """Such as `Finding(found.code, found.sentence, ...)`: told by where it was made."""
    return isinstance(_argument(call, _first(call), "code"), ast.Attribute)


def _first(call: ast.Call) -> int:
    """The place of the code among the arguments."""
    return MAKERS[call.func.id] if isinstance(call.func, ast.Name) else 0


def _argument(call: ast.Call, place: int, name: str) -> ast.expr | None:
    if len(call.args) > place:
        return call.args[place]
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


@dataclass(frozen=True)
class Scope:
    """Where a name is looked up: above the call in its function, then at the module's top."""

    module: Module
    function: ast.FunctionDef
    line: int

    def text(self, node: ast.expr | None) -> str:  # noqa: PLR0911 - a line for each kind
        if node is None:
            return ""
        if isinstance(node, ast.Constant):
            return str(node.value)
        if isinstance(node, ast.JoinedStr):
            return "".join(self.text(part) for part in node.values)
        if isinstance(node, ast.IfExp):
            return self.text(node.body)
        if isinstance(node, ast.BoolOp):
            return self.text(node.values[-1])
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self.text(node.left) + self.text(node.right)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return self._said(node, node.func.id)
        return self._named(node.id) if isinstance(node, ast.Name) else GAP

    def _said(self, call: ast.Call, name: str) -> str:
        """What `say` and its like are given, with a gap for each place."""
        texts = [self.text(argument) for argument in call.args]
        if name == "together":
            return " ".join(texts)
        said = {"say": texts[:1], "say_as": texts[1:], "say_count": texts[1:2]}.get(name)
        return re.sub(r"\{[a-z0-9_]+\}", GAP, said[0]) if said else GAP

    def _named(self, name: str) -> str:
        told = ""
        before = (n for n in ast.walk(self.function) if getattr(n, "lineno", 0) <= self.line)
        for node in sorted(before, key=lambda n: getattr(n, "lineno", 0)):
            if isinstance(node, ast.Assign):
                for assigned, value in _assignments([node]):
                    told = self.text(value) if assigned == name else told
            elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
                told += self.text(node.value) if node.target.id == name else ""
        return told or self._constant(name)

    def _constant(self, name: str) -> str:
        module = self.module
        while name not in module.constants:
            source, original = module.imported.get(name, ("", ""))
            if source not in MODULES:
                return GAP
            module, name = MODULES[source], original
        return Scope(module, self.function, -1).text(module.constants[name])


def _reason(call: ast.Call, scope: Scope) -> Reason:
    first = _first(call)
    code = scope.text(_argument(call, first, "code"))
    if not code or GAP in code:
        place = f"{scope.module.path.relative_to(ROOT)}:{call.lineno}"
        raise SystemExit(f"{place}: the code of a refusal must be a literal or a constant")
    sentence = scope.text(_argument(call, first + 1, "sentence"))
    return Reason(code, sentence, scope.text(_argument(call, first + 2, "cure")))


def page() -> str:
    parts, family = [HEAD], ""
    for reason in reasons():
        kind = reason.code.split(".")[0]
        if kind != family:
            family = kind
            parts.append(f"\n## {kind}\n\n| Code | Sentence | What to do |\n|---|---|---|\n")
        cells = (f"`{reason.code}`", _cell(reason.sentence), _cell(reason.cure))
        parts.append(f"| {' | '.join(cells)} |\n")
    return "".join(parts)


def _cell(text: str) -> str:
    for mark in ("\\", "|", "*", "_", "<"):
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())


def main() -> int:
    if "--check" not in sys.argv:
        PAGE.write_text(page())
        return 0
    if not PAGE.exists() or PAGE.read_text() != page():
        print("docs/refusals.md is out of date: run python -m tests.refusal_table")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
