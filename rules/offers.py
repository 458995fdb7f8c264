"""What the project's limits on offers ask of one redeemable: a customer to count for, and one offer more in
each window.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rules.admission import refuse
from rules.counters import Ledger, tally
from rules.pressure import REDEMPTIONS, OfferLimit, names_of
from rules.reasons import Reason
from rules.verdict import Refusal

if TYPE_CHECKING:
    from rules.context import Context


def pressure_refuses(context: "Context", limits: Iterable[OfferLimit]) -> Refusal | None:
    """Somebody who is nobody cannot be counted."""
    if context.customer_key is not None:
        return None
    names = names_of(context.candidate.category_ids, context.facts.categories)
    for limit in limits:
        if limit.what == REDEMPTIONS and limit.refuses_nobody and not limit.exempts(names):
            return refuse(context.candidate, Reason.MISSING_CUSTOMER, limit.sentence)
    return None


def charge_pressure(context: "Context", limits: Iterable[OfferLimit], ledger: Ledger) -> None:
    """One offer more for the customer, in each window that is limited."""
    customer = context.customer_key
    if customer is None:
        return
    names = names_of(context.candidate.category_ids, context.facts.categories)
    for limit in limits:
        if limit.what != REDEMPTIONS or limit.exempts(names):
            continue
        window, until = context.now.window(limit.window)
        name = tally("project", context.facts.project_id, limit.field, customer, "", window)
        refusal = refuse(context.candidate, Reason.REDEMPTION_RULES_VIOLATED, limit.sentence)
        ledger.add(name, 1, 0, limit.limit, None, until, refusal)
