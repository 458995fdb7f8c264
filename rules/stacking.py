"""Which redeemables go together, in which order, and how many (`behaviour` 4.4, 4.5)."""

from typing import TYPE_CHECKING, Final

from rules.facts import Candidate, CategoryFacts, Facts, StackingRules
from rules.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

EXCLUSIVE, COMMON, JOINT = range(3)
LAST: Final = 1 << 30


def kind_of(candidate: Candidate, stacking: StackingRules) -> int:
    """EXCLUSIVE, JOINT or COMMON by its categories; exclusive wins over joint."""
    categories = candidate.category_ids
    if not categories:
        return COMMON
    if stacking.exclusive_categories:
        for category in categories:
            if category in stacking.exclusive_categories:
                return EXCLUSIVE
    if stacking.joint_categories:
        for category in categories:
            if category in stacking.joint_categories:
                return JOINT
    return COMMON


def _hierarchy(candidate: Candidate, categories: "Mapping[str, CategoryFacts]") -> int:
    known = [categories[category].hierarchy for category in candidate.category_ids if category in categories]
    return min(known) if known else LAST


def application_order(facts: Facts) -> tuple[Candidate, ...]:
    """The candidates in the order in which they are applied; ties keep the order of the request."""
    candidates = facts.candidates
    stacking = facts.stacking
    if len(candidates) < 2:
        return candidates
    by_hierarchy = stacking.redeemables_sorting_rule == "CATEGORY_HIERARCHY"
    joint_last = stacking.grouped_redeemables_sorting_rule == "JOINT_ALWAYS_LAST" and bool(
        stacking.joint_categories or stacking.exclusive_categories
    )
    if not by_hierarchy and not joint_last:
        return candidates

    def rank(candidate: Candidate) -> tuple[int, int]:
        group = kind_of(candidate, stacking) if joint_last else 0
        return (group, _hierarchy(candidate, facts.categories) if by_hierarchy else 0)

    return tuple(sorted(candidates, key=rank))


class Places:
    """How many places of each kind the applied redeemables have taken."""

    __slots__ = ("applied", "by_category", "by_exclusive_category", "exclusive", "stacking")

    def __init__(self, stacking: StackingRules) -> None:
        self.stacking = stacking
        self.applied = 0
        self.exclusive = 0
        self.by_category: dict[str, int] = {}
        self.by_exclusive_category: dict[str, int] = {}

    def refuses(self, candidate: Candidate) -> Reason | None:
        """Why one more would be too many, or None."""
        stacking = self.stacking
        if self.applied >= stacking.applicable_redeemables_limit:
            return Reason.APPLICABLE_REDEEMABLES_LIMIT
        if not candidate.category_ids:
            return None
        per_category = stacking.applicable_redeemables_per_category_limit
        named = stacking.applicable_redeemables_category_limits
        for category in candidate.category_ids:
            taken = self.by_category.get(category, 0)
            limit = named.get(category, per_category)
            if limit is not None and taken >= limit:
                return Reason.APPLICABLE_PER_CATEGORY_LIMIT
        if kind_of(candidate, stacking) != EXCLUSIVE:
            return None
        if self.exclusive >= stacking.applicable_exclusive_redeemables_limit:
            return Reason.APPLICABLE_EXCLUSIVE_LIMIT
        per_exclusive = stacking.applicable_exclusive_redeemables_per_category_limit
        if per_exclusive is not None:
            for category in candidate.category_ids:
                if (
                    category in stacking.exclusive_categories
                    and self.by_exclusive_category.get(category, 0) >= per_exclusive
                ):
                    return Reason.APPLICABLE_EXCLUSIVE_PER_CATEGORY_LIMIT
        return None

    def take(self, candidate: Candidate) -> None:
        """One more is applied."""
        self.applied += 1
        if not candidate.category_ids:
            return
        exclusive = kind_of(candidate, self.stacking) == EXCLUSIVE
        self.exclusive += exclusive
        for category in candidate.category_ids:
            self.by_category[category] = self.by_category.get(category, 0) + 1
            if exclusive and category in self.stacking.exclusive_categories:
                self.by_exclusive_category[category] = self.by_exclusive_category.get(category, 0) + 1


def initial_basis(candidate: Candidate, stacking: StackingRules) -> bool:
    """Does a per cent count on the original amount? Categories override the project's mode."""
    initial = stacking.discount_calculation_mode == "INITIAL_AMOUNT"
    for category in candidate.category_ids:
        if category in stacking.initial_amount_mode_categories:
            return True
        if category in stacking.discounted_amount_mode_categories:
            return False
    return initial


def skips_without_effect(candidate: Candidate, stacking: StackingRules) -> bool:
    """Is a redeemable that changes nothing left out? Categories override the project's rule."""
    for category in candidate.category_ids:
        if category in stacking.no_effect_skip_categories:
            return True
        if category in stacking.no_effect_redeem_anyway_categories:
            return False
    return stacking.redeemables_no_effect_rule == "SKIP"
