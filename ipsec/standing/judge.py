"""How a policy stands: what is intended against what the daemon and the kernel hold (IP-7)."""

from collections.abc import Sequence
from dataclasses import replace

from certificates.sentence import say, together
from ipsec.associations import Association, Child
from ipsec.standing.leak import leak
from ipsec.standing.negotiated import differences
from ipsec.standing.words import Heard, Intended, Leak, Sightings, Standing, Word


def judge(intended: Intended, heard: Heard) -> Standing:
    """The verdict on one policy."""
    seen = heard.by_policy.get(str(intended.definition), Sightings())
    standing = _standing(intended, heard, seen)
    fate, why = leak(intended, heard, seen, standing.child)
    standing = replace(standing, leak=fate, leak_sentence=why)
    if standing.word in {Word.IN_FORCE, Word.WAITING} and fate is Leak.CLEAR:
        # The daemon believes so; the kernel has the last word.
        cure = say("Look at ip xfrm policy; Apply puts back what is missing there.")
        return replace(standing, word=Word.DRIFT, sentence=why, cure=cure)
    return standing


def _standing(intended: Intended, heard: Heard, seen: Sightings) -> Standing:
    if not intended.is_enabled:
        return _disabled(seen)
    if heard.silence or not intended.child:
        why = heard.silence or intended.trouble or say("It has not been put in force yet.")
        return Standing(Word.NOT_IN_FORCE, why, heard.silence_cure)
    mine = [(one, child) for one, child in seen.children if child.name == intended.child]
    installed = [(one, child) for one, child in mine if child.is_installed]
    if installed:
        return _installed(intended, *max(installed, key=lambda pair: pair[1].installed_at))
    if (intended.connection, intended.child) not in seen.loaded:
        why = say("The IKE daemon does not hold it.")
        if seen.loaded:
            why = say("The IKE daemon holds an earlier definition of it.")
        why = intended.trouble or why
        return Standing(Word.DRIFT, why, say("It is applied within a minute; Apply does it now."))
    own = heard.by_connection.get(intended.connection, [])
    if any(one.state in {"CONNECTING", "CREATED"} for one in own) or mine:
        return Standing(Word.NEGOTIATING, say("A negotiation with the peer is under way."))
    return _without_child(intended, seen, own)


def _disabled(seen: Sightings) -> Standing:
    if seen.children or seen.loaded or seen.traps:
        wrong = say("It is disabled, and the IKE daemon still holds it.")
        return Standing(Word.DRIFT, wrong, say("It is applied within a minute; Apply does it now."))
    return Standing(Word.DISABLED, say("Its traffic is left as it is."))


def _without_child(intended: Intended, seen: Sightings, own: Sequence[Association]) -> Standing:
    failure = intended.failure
    if failure and intended.changed_at and failure.at < intended.changed_at:
        failure = None
    established = next((one for one in own if one.is_established), None)
    if failure:
        return Standing(
            Word.FAILED, failure.sentence, failure.cure, failure.field, association=established
        )
    if intended.trouble:
        return Standing(Word.FAILED, intended.trouble, association=established)
    if not any(trap.child == intended.child for trap in seen.traps):
        wrong = say("The IKE daemon has loaded it, and holds none of its traffic.")
        cure = say("Look whether the source is an address of this server and both names resolve.")
        return Standing(Word.FAILED, wrong, cure, "destination_address", association=established)
    said = say("The first packet that fits it, or Connect, starts the negotiation.")
    return Standing(Word.WAITING, said, association=established)


def _installed(intended: Intended, association: Association, child: Child) -> Standing:
    wrong = differences(intended.definition, association, child)
    if wrong:
        told = together(*(one.sentence for one in wrong))
        cure = say("Set both sides alike; Compare with peer shows the fields.")
        return Standing(
            Word.FAILED, told, cure, wrong[0].field, association=association, child=child,
            since=child.installed_at,
        )  # fmt: skip
    return Standing(
        Word.IN_FORCE,
        say("Negotiated with {remote_host}.", remote_host=association.remote_host),
        association=association,
        child=child,
        since=child.installed_at,
    )
