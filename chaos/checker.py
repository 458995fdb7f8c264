"""Judges a cell: the clients' history and the ledger in the order of its sequence, against each other.

The numbers I1 to I14 are those of the list in the README.
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from msgspec import Struct, field

from chaos.history import History, Operation
from chaos.ledger import Ledger, Line
from chaos.limits import Limits
from chaos.model import DIVERGENT, DUPLICATED, Model, Problem

LOST, BROKEN = "lost", "broken"
"""Kinds of problems besides those of the model. broken: an answer that no client may be given."""


class Judgement(Struct):
    """Everything that was found; `count` by kind."""

    problems: list[Problem] = field(default_factory=list)

    def count(self, kind: str) -> int:
        return sum(problem.kind == kind for problem in self.problems)


def judge(history: History, ledger: Ledger, limits: Limits) -> Judgement:
    """Everything but what needs the running server."""
    problems = [
        *_sequence(ledger),
        *_replayed(ledger, limits),
        *_acknowledged(history, ledger),
        *_refused(history, ledger),
        *_answers_of_one_key(history),
        *_real_time(history, ledger),
        *_stops(history),
        *_raises(history),
    ]
    return Judgement(problems)


def _sequence(ledger: Ledger) -> Iterator[Problem]:
    """I4: contiguous from 1 in every epoch. I13: nothing of an epoch is written after a later one began."""
    expected: dict[int, int] = {}
    for line in ledger.lines:
        epoch, sequence = line.position
        if sequence != expected.setdefault(epoch, 1):
            yield Problem(DIVERGENT, "I4", f"{line.position} follows {epoch}-{expected[epoch] - 1}")
        expected[epoch] = sequence + 1
    for before, after in pairwise(ledger.written):
        if after < before:
            yield Problem(DIVERGENT, "I13", f"{after} was ledgered after {before}")


def _replayed(ledger: Ledger, limits: Limits) -> list[Problem]:
    """I1, I3, I6, I7, I8: the model allows every event, and its counters are the ledger's."""
    model = Model(limits)
    for line in ledger.lines:
        model.apply(str(line.position), line.event, line.moved)
    return model.problems


def _ids(ledger: Ledger) -> dict[str, Line]:
    return {taken.id: line for line in ledger.lines for taken in line.event.taken}


def _acknowledged(history: History, ledger: Ledger) -> Iterator[Problem]:
    """I2: what was acknowledged is there once, whole, in one event, with the amounts of the answer. I9."""
    lines = _ids(ledger)
    deeds: dict[str, set[str]] = defaultdict(set)
    for line in ledger.lines:
        if line.deed:
            deeds[line.deed].add(str(line.position))
    for deed, positions in deeds.items():
        if len(positions) > 1:
            sentence = f"deed {deed} took effect at {', '.join(sorted(positions))}"
            yield Problem(DUPLICATED, "I5", sentence)
    owners: dict[str, str | None] = {}
    for operation in history.operations:
        if not operation.acknowledged or operation.deed.kind not in ("redeem", "rollback"):
            continue
        named = [one["id"] for one in operation.redemptions]
        found = {str(lines[identity].position): lines[identity] for identity in named if identity in lines}
        if any(identity not in lines for identity in named) or not named:
            yield Problem(LOST, "I2", f"deed {operation.key}: {', '.join(named)} acknowledged, not ledgered")
            continue
        if len(found) > 1:
            yield Problem(DIVERGENT, "I6", f"deed {operation.key} was taken in parts: {', '.join(found)}")
        line = next(iter(found.values()))
        yield from _same_amounts(operation, line)
        source = (operation.deed.body.get("customer") or {}).get("source_id")
        if source and owners.setdefault(source, line.event.customer_id) != line.event.customer_id:
            yield Problem(DIVERGENT, "I9", f"{source} is {owners[source]} and {line.event.customer_id}")


def _same_amounts(operation: Operation, line: Line) -> Iterator[Problem]:
    if operation.deed.kind != "redeem":
        return
    taken = {one.id: one for one in line.event.taken}
    for told in operation.redemptions:
        gift = (told.get("gift") or {}).get("amount")
        if gift is not None and gift != taken[told["id"]].amount:
            sentence = f"{told['id']} was told {gift}, the ledger has {taken[told['id']].amount}"
            yield Problem(DIVERGENT, "I2", sentence)


def _refused(history: History, ledger: Ledger) -> Iterator[Problem]:
    """I12: what was refused took nothing. I5: every deed came to a definite answer."""
    effects = {line.deed for line in ledger.lines if line.deed}
    answered: dict[str, set[int]] = defaultdict(set)
    for operation in history.operations:
        answered[operation.key].add(operation.status)
        if not operation.status:
            yield Problem(BROKEN, "I5", f"deed {operation.key} never got a definite answer")
    for key in effects:
        if key in answered and 200 not in answered[key] and 0 not in answered[key]:
            yield Problem(DUPLICATED, "I12", f"deed {key} was refused, and took effect")


def _answers_of_one_key(history: History) -> Iterator[Problem]:
    """I5: one key, one answer, to every copy and however often it was sent."""
    answers: dict[str, list[str]] = {}
    for operation in history.operations:
        if operation.acknowledged:
            named = [one.get("id", "") for one in operation.redemptions]
            if answers.setdefault(operation.key, named) != named:
                sentence = f"deed {operation.key} was answered {answers[operation.key]} and {named}"
                yield Problem(DUPLICATED, "I5", sentence)


def _real_time(history: History, ledger: Ledger) -> Iterator[Problem]:
    """What was answered before another was asked for stands before it in the sequence."""
    lines = _ids(ledger)
    first: dict[str, tuple[Line, float, float]] = {}
    for operation in history.operations:
        named = [one["id"] for one in operation.redemptions if operation.acknowledged and "id" in one]
        if not named or named[0] not in lines:
            continue
        known = first.get(operation.key)
        called = min(operation.called, known[1]) if known else operation.called
        returned = min(operation.returned, known[2]) if known else operation.returned
        first[operation.key] = (lines[named[0]], called, returned)
    latest_call, latest = 0.0, ""
    for line, called, returned in sorted(first.values(), key=lambda one: one[0].position):
        if returned < latest_call:
            yield Problem(DIVERGENT, "I4", f"{line.position} was answered before {latest} was asked for")
        if called > latest_call:
            latest_call, latest = called, str(line.position)


def _stops(history: History) -> Iterator[Problem]:
    """I11: nothing asked for after a stop was answered, and answered before the start, succeeded."""
    edits = [one for one in history.operations if one.deed.kind in ("disable", "enable")]
    for stop, start in zip(edits, [*edits[1:], None], strict=False):
        if stop.deed.kind != "disable" or not stop.acknowledged:
            continue
        until = start.called if start else float("inf")
        for one in history.operations:
            inside = stop.returned < one.called and one.returned < until
            if inside and one.deed.about == stop.deed.about and one.acknowledged:
                yield Problem(DIVERGENT, "I11", f"deed {one.key} succeeded while its campaign was stopped")


def _raises(history: History) -> Iterator[Problem]:
    """I11: a discount is that of a version that was in force between the call and the answer."""
    raises = [one for one in history.operations if one.deed.kind == "raise" and one.acknowledged]
    if not raises:
        return
    code = raises[0].deed.path.rsplit("/", 1)[1]
    bought = [one for one in history.operations if one.deed.about == code and one.acknowledged]
    for one in bought:
        discount = one.answer["order"]["total_discount_amount"]
        least = max((int(r.deed.about) for r in raises if r.returned < one.called), default=1)
        most = min((int(r.deed.about) for r in raises if r.called > one.returned), default=1 << 60) - 1
        if not least <= discount <= most:
            sentence = f"deed {one.key} was given {discount}, in force were {least} to {most}"
            yield Problem(DIVERGENT, "I11", sentence)
