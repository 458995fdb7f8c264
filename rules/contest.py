"""Where only the best may be applied: groups of redeemables, and lines with several item-level offers.

Each contender is decided alone on the untouched order; ties go to the earlier one.
"""

from collections.abc import Callable

from rules.facts import Candidate
from rules.terms import terms_of
from rules.verdict import Result

Alone = Callable[[Candidate], Result]


def worth_of(result: Result) -> int:
    """What a redeemable takes off when it is alone; -1 when it cannot be applied."""
    if result.status != "APPLICABLE" or result.order is None:
        return -1
    shipping = sum(method.applied_discount_amount for method in result.order.shipping)
    return result.order.total_applied_discount_amount + shipping


def losers_of_groups(order: tuple[Candidate, ...], alone: Alone) -> frozenset[str]:
    """Ids of those that another of their group (`mode: best`) outdoes."""
    groups: dict[str, list[Candidate]] = {}
    for candidate in order:
        terms = terms_of(candidate.extensions)
        if terms.group is not None and terms.group_mode == "best":
            groups.setdefault(terms.group, []).append(candidate)
    losers: set[str] = set()
    for members in groups.values():
        if len(members) < 2:
            continue
        worths = [worth_of(alone(member)) for member in members]
        best = worths.index(max(worths))
        if worths[best] >= 0:
            losers.update(
                member.id for index, member in enumerate(members) if index != best and worths[index] >= 0
            )
    return frozenset(losers)


def best_per_line(order: tuple[Candidate, ...], alone: Alone) -> tuple[dict[int, str], frozenset[str]]:
    """Which redeemable each line belongs to (by index), and the ids of all that competed for lines."""
    best: dict[int, tuple[int, str]] = {}
    contenders: set[str] = set()
    for candidate in order:
        result = alone(candidate)
        if result.status != "APPLICABLE" or result.order is None:
            continue
        for line in result.order.lines:
            off = line.applied_discount_amount
            if not off or line.source_index is None:
                continue
            contenders.add(candidate.id)
            known = best.get(line.index)
            if known is None or off > known[0]:
                best[line.index] = (off, candidate.id)
    return {index: owner for index, (_, owner) in best.items()}, frozenset(contenders)
