"""What APPLY promises about counters, said again in Python without Redis: the reference for test_model."""

from dataclasses import dataclass, field

from app.core.ops import Add, Apply, Hold, Release
from app.core.outcome import Code, Outcome

Place = tuple[str, str]


@dataclass
class Model:
    """Values and what is held, of one partition; the events' numbers; what each rid was answered."""

    values: dict[Place, int] = field(default_factory=dict)
    held: dict[Place, int] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    answered: dict[str, Outcome] = field(default_factory=dict)
    sequence: int = 0

    def apply(self, call: Apply) -> Outcome:
        """The outcome that the script must give, after which this model is where Redis must be."""
        writes = call.mode != "V"
        if writes and call.rid in self.answered:
            first = self.answered[call.rid]
            return Outcome(code=Code.DUP, event_id=first.event_id, afters=first.afters, name="replay")
        if call.mode != "B":
            for name, carried in call.guards.items():
                if carried < self.versions.get(name, carried):
                    return Outcome(code=Code.STALE, name=name)
        released: dict[Place, int] = {}
        for number, op in enumerate(call.ops):
            if isinstance(op, Release):
                released[op.key, op.field] = op.amount
                if op.amount > self.held.get((op.key, op.field), 0):
                    return Outcome(code=Code.STALE, op_index=number, name=op.field)
        currents, refused = self._judge(call, released)
        if refused:
            return Outcome(code=Code.LIMIT, op_index=refused[0], currents=tuple(currents))
        if not writes:
            return Outcome(code=Code.OK, currents=tuple(currents))
        self._move(call)
        self.sequence += 1
        if call.mode != "B":
            self.versions |= call.guards
        outcome = Outcome(code=Code.OK, event_id=f"1-{self.sequence}", afters=self._afters(call))
        self.answered[call.rid] = outcome
        return outcome

    def _judge(self, call: Apply, released: dict[Place, int]) -> tuple[list[tuple[int, int]], list[int]]:
        currents: list[tuple[int, int]] = []
        refused: list[int] = []
        for number, op in enumerate(call.ops):
            assert isinstance(op, Add | Hold | Release)
            place = (op.key, op.field)
            base = 0 if isinstance(op, Release) else op.base
            value = self.values.get(place, base)
            others = self.held.get(place, 0) - released.get(place, 0)
            currents.append((value, others))
            if isinstance(op, Add):
                over = op.delta > 0 and op.cap is not None and value + others + op.delta > op.cap
                under = op.delta < 0 and op.floor is not None and value + op.delta - others < op.floor
            elif isinstance(op, Hold):
                over = op.cap is not None and value + others + op.amount > op.cap
                under = op.floor is not None and value - others - op.amount < op.floor
            else:
                over = under = False
            if over or under:
                refused.append(number)
        return currents, refused

    def _move(self, call: Apply) -> None:
        for op in call.ops:
            assert isinstance(op, Add | Hold | Release)
            place = (op.key, op.field)
            if isinstance(op, Add) and op.delta:
                self.values[place] = self.values.get(place, op.base) + op.delta
            elif isinstance(op, Hold):
                self.held[place] = self.held.get(place, 0) + op.amount
            elif isinstance(op, Release):
                self.held[place] = self.held.get(place, 0) - op.amount

    def _afters(self, call: Apply) -> tuple[int, ...]:
        afters = []
        for op in call.ops:
            assert isinstance(op, Add | Hold | Release)
            place = (op.key, op.field)
            afters.append(self.values.get(place, op.base) if isinstance(op, Add) else self.held.get(place, 0))
        return tuple(afters)
