"""What must have been seen of a policy that is in force, and nothing else."""

from typing import Any

from tests.lab.ipsec.combinations import expected_dh, expected_ike, expected_kernel


def assert_in_force(fields: dict[str, Any], seen: dict[str, Any]) -> None:
    """Both products say so, IKE and kernel have exactly what is configured, the wire proves it.

    Args:
        seen: what `scenes.meet` returned.
    """
    assert len(seen["standings"]) == 2
    assert_met(fields, seen)


def assert_met(fields: dict[str, Any], seen: dict[str, Any]) -> None:
    """The same, where one product alone may tell."""
    assert set(words(seen["standings"])) == {"in force, protected"}, seen
    assert seen["kernel"] == expected_kernel(fields)
    ike = next(one for one in seen["ike"] if one["state"] == "ESTABLISHED" and one["child-sas"])
    expected = expected_ike(fields)
    assert {name: ike.get(name, "") for name in expected} == expected
    (child,) = ike["child-sas"].values()
    assert (child["mode"], child.get("dh-group", "")) == ("TRANSPORT", expected_dh(fields))
    assert_on_the_wire(seen["wire"])


def assert_on_the_wire(wire: dict[str, Any], *, other: tuple[int, ...] = (9,)) -> None:
    """Everything arrived, what fits as ESP alone, the rest in the clear.

    Args:
        other: the ports, and no more, that were seen in the clear.
    """
    assert all(wire["arrived"]), wire
    assert wire["counts"]["ESP"] > 0, wire
    assert wire["clear ports"] == list(other), wire


def words(standings: list[dict[str, Any]]) -> list[str]:
    """The verdicts in short: whether it is in force, and what happens to a packet."""
    return [f"{one['word']}, {one['leak']}" for one in standings]
