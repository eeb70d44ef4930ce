"""The difference between what is wanted and what the daemon holds (IP-7)."""

from collections.abc import Iterable, Iterator, Mapping

from ipsec.associations import Association, Loaded
from ipsec.operations.wanted import Wanted
from ipsec.policy.terms import OURS


def missing_of(wanted: Mapping[str, Wanted], loaded: Mapping[str, Loaded]) -> list[Wanted]:
    """What is wanted, and is not loaded with exactly these children."""
    return [
        one
        for name, one in wanted.items()
        if name not in loaded or loaded[name].children != set(one.connection.body["children"])
    ]


def superfluous_of(wanted: Mapping[str, Wanted], loaded: Mapping[str, Loaded]) -> list[str]:
    """The connections of ours that nothing asks for any more."""
    return [name for name, found in loaded.items() if found.is_ours and name not in wanted]


def outdated_of(
    wanted: Mapping[str, Wanted], associations: Iterable[Association]
) -> Iterator[tuple[str, dict[str, str]]]:
    """What of ours was negotiated and is not wanted so: its name, and its number in the daemon."""
    for one in associations:
        if not one.connection.startswith(OURS):
            continue
        if one.connection not in wanted:
            yield one.connection, {"association": one.unique_id}
            continue
        children = wanted[one.connection].connection.body["children"]
        for child in one.children:
            if child.name not in children:
                yield child.name, {"child": child.unique_id}
