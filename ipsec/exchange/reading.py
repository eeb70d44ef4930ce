"""The only door for the other side's export: bytes in, definitions out, or what is wrong with it.

It is read as strictly as it is written. Whether the policies make sense together is asked later,
where they are compared or imported.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

from certificates.refusal import Refused
from certificates.sentence import say
from certificates.x509.visible import visible
from ipsec.exchange.document import FIELDS, FORMAT, TIME_FORMAT, VERSION
from ipsec.exchange.mirror import names_certificate
from ipsec.exchange.values import shown, value_of
from ipsec.policy.definition import Definition

LARGEST = 1024 * 1024  # bytes
MOST_POLICIES = 1_000
_TOP = ("format", "version", "about", "made_by", "made_at", "policies")
_LONGEST_TEXT = 253  # characters of a host name
_AGAIN = say("Make the export again on the other side, or correct the file.")


@dataclass(frozen=True, slots=True)
class Exported:
    """What the other side says that this server must be set to.

    `made_by`: its host name, as it says; `made_at`: UTC.
    """

    policies: tuple[Definition, ...]
    made_by: str
    made_at: datetime


def read_export(data: bytes) -> Exported:
    """Read a file in the format of docs/ipsec-export-format.md.

    Raises:
        Refused: exported.size, exported.text, exported.json, exported.format,
            exported.version, exported.field, exported.value, exported.count, exported.twice.
    """
    content = _parsed(data)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        wrong = say(
            'The file is not an export of IPsec policies: its "format" is not "{format}".',
            format=FORMAT,
        )
        cure = say("Choose the JSON export of the other side; the other formats can't be read.")
        raise Refused("exported.format", wrong, cure)
    version = content.get("version")
    if type(version) is not int or version != VERSION:  # True == 1
        wrong = say(
            '"version" is {shown}; this server reads version {version}.',
            shown=shown(version),
            version=VERSION,
        )
        cure = say("Use the same version of the product on both sides.")
        raise Refused("exported.version", wrong, cure)
    _refuse_other_fields(content, _TOP, say("The file"))
    if not isinstance(content["about"], str):
        _refuse_value("about", content["about"], say("a text"))
    return Exported(
        _policies(content["policies"]), _made_by(content["made_by"]), _made_at(content["made_at"])
    )


def _parsed(data: bytes) -> Any:
    if len(data) > LARGEST:
        wrong = say(
            "The file has {count} bytes; an export has at most {largest}.",
            count=f"{len(data):,}",
            largest=f"{LARGEST:,}",
        )
        raise Refused("exported.size", wrong, say("Choose the JSON export of the other side."))
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        wrong = say(
            "The file is not text in UTF-8: the byte at {start} is wrong.", start=f"{error.start:,}"
        )
        raise Refused("exported.text", wrong, _AGAIN) from None
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        wrong = say(
            "The file is not JSON: {msg}, in line {lineno}.",
            msg=error.msg,
            lineno=f"{error.lineno:,}",
        )
        raise Refused("exported.json", wrong, _AGAIN) from None
    except (RecursionError, ValueError):  # nested without end; a number of thousands of digits
        wrong = say("The file is not JSON that an export contains.")
        raise Refused("exported.json", wrong, _AGAIN) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON lets a name come twice, and readers differ in which of the two counts."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            wrong = say("The field {shown} stands twice in one object.", shown=shown(name))
            raise Refused("exported.field", wrong, _AGAIN)
        found[name] = value
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise Refused(
        "exported.json", say("The file is not JSON: it contains {name}.", name=name), _AGAIN
    )


def _refuse_other_fields(content: Mapping[str, Any], wanted: tuple[str, ...], where: str) -> None:
    """Names only: what an unknown field holds may be a key that somebody wrote into the file."""
    unknown = sorted(set(content) - set(wanted))
    if unknown:
        wrong = say(
            "{where} has a field that is not known: {shown}.", where=where, shown=shown(unknown[0])
        )
        cure = say("Remove it. A pre-shared key is typed into the policy, never into this file.")
        raise Refused("exported.field", wrong, cure)
    missing = [name for name in wanted if name not in content]
    if missing:
        wrong = say('{where} lacks the field "{missing}".', where=where, missing=missing[0])
        raise Refused("exported.field", wrong, _AGAIN)


def _policies(value: object) -> tuple[Definition, ...]:
    if not isinstance(value, list):
        _refuse_value("policies", value, say("a list"))
    if not 1 <= len(value) <= MOST_POLICIES:
        wrong = say(
            "The file has {count} policies; an export has 1 to {most}.",
            count=f"{len(value):,}",
            most=f"{MOST_POLICIES:,}",
        )
        raise Refused("exported.count", wrong, say("Export fewer policies at once."))
    found: dict[str, Definition] = {}
    for number, content in enumerate(value, start=1):
        definition = _definition(content, say("Policy {number}", number=number))
        if str(definition) in found:
            wrong = say("Two policies of the file have the same name: {policy}.", policy=definition)
            raise Refused("exported.twice", wrong, _AGAIN)
        found[str(definition)] = definition
    return tuple(found.values())


def _definition(content: object, where: str) -> Definition:
    if not isinstance(content, dict):
        wrong = say(
            "{where} is {shown}; it must be an object with its fields.",
            where=where,
            shown=shown(content),
        )
        raise Refused("exported.value", wrong, _AGAIN)
    _refuse_other_fields(content, FIELDS, where)
    definition = Definition(**{name: value_of(name, content[name], where) for name in FIELDS})
    if definition.certificate_name and not names_certificate(definition):
        wrong = say(
            '{where} has a "certificate_name", though it names no certificate of the peer.',
            where=where,
        )
        raise Refused("exported.value", wrong, _AGAIN)
    return definition


def _made_by(value: object) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT or visible(value) != value:
        wanted = say("a host name of up to {most} characters", most=_LONGEST_TEXT)
        _refuse_value("made_by", value, wanted)
    return value


def _made_at(value: object) -> datetime:
    wanted = say('a time in UTC such as "2026-01-31T09:30:00Z"')
    if not isinstance(value, str):
        _refuse_value("made_at", value, wanted)
    try:
        time = datetime.strptime(value, TIME_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        _refuse_value("made_at", value, wanted)
    if time.strftime(TIME_FORMAT) != value:  # strptime takes digits of other scripts, and "1"
        _refuse_value("made_at", value, wanted)
    return time


def _refuse_value(field: str, value: object, wanted: str) -> NoReturn:
    wrong = say(
        '"{field}" is {shown}; it must be {wanted}.', field=field, shown=shown(value), wanted=wanted
    )
    raise Refused("exported.value", wrong, _AGAIN)
