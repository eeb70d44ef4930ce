"""Types of the API's fields, with the limits that its document tells."""

from datetime import datetime
from typing import Annotated

from ninja import Path, Query, Schema
from pydantic import ConfigDict, Field

from certificates.models import Node
from certificates.refusal import Refused

LARGEST_KEY = 2**53 - 1  # JSON's numbers are exact up to here in every language
NO_NUL = r"^[^\x00]*$"  # which no database keeps

Key = Annotated[int, Field(ge=1, le=LARGEST_KEY)]
KeyInPath = Annotated[int, Path(ge=1, le=LARGEST_KEY)]
Text = Annotated[str, Field(max_length=500, pattern=NO_NUL)]
Fingerprint = Annotated[str, Field(max_length=128, pattern=NO_NUL)]
Confirmed = Annotated[
    list[Annotated[str, Field(max_length=40, pattern=NO_NUL)]],
    Field(max_length=20, description="Codes of the cautions (confirm.…) that you accept."),
]
Limit = Annotated[int, Query(ge=1, le=200, description="How many at most.")]
Cursor = Annotated[
    str, Query(max_length=2000, pattern=NO_NUL, description="`next` of the page before.")
]


class Body(Schema):
    """What a request sends. A field that nobody knows is refused, as it is a mistake."""

    model_config = ConfigDict(extra="forbid")


class OnNode(Body):
    """Which node is meant."""

    node: Text = Field("", description="Host name; empty: this server.")


def node_named(name: str) -> Node:
    """Raises `Refused` node.unknown."""
    asked = {"host_name": name.lower()} if name else {"is_local": True}
    found = Node.objects.filter(**asked).first()
    if found is None:
        wrong = f"There is no node {name[:60]!a}." if name else "Nothing is set up here yet."
        raise Refused("node.unknown", wrong, "See /api/v1/nodes.")
    return found


def moment(at: datetime | None) -> str | None:
    """ISO 8601 in UTC; None for none."""
    return at.isoformat(timespec="seconds") if at else None
