"""What a workload's shop allows, as the workload set it up: the reference model judges the ledger by it."""

from msgspec import Struct, field


class Limits(Struct):
    """Caps by id; what is not named has none. Balances in minor units or points as the shop opened them."""

    voucher_uses: dict[str, int] = field(default_factory=dict)
    campaign_uses: dict[str, int] = field(default_factory=dict)
    customer_uses: dict[str, int] = field(default_factory=dict)
    """Campaign id to uses of one customer."""
    balances: dict[str, int] = field(default_factory=dict)
    """Voucher id of a gift card to its opening amount."""
