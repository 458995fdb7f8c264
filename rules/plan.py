"""What a redeemable would do to an order, worked out on the side before anything changes."""

from msgspec import Struct

from rules.cart import WorkLine, WorkShipping
from rules.facts import ItemFacts


class LineCut(Struct, eq=False, gc=False):
    """A planned item-level discount on an existing line: `units` of it are discounted, worth `units_amount`
    before it.
    """

    line: WorkLine
    amount: int
    units: int
    units_amount: int
    partial: bool


class Addition:
    """Planned free units: `added` come into the cart and `free` are discounted wholly. `line` None appends a
    new one.
    """

    __slots__ = ("added", "discount", "free", "item", "line", "price", "unit_type")

    def __init__(
        self,
        unit_type: str,
        item: ItemFacts | None,
        line: WorkLine | None,
        added: int,
        free: int,
        price: int | None,
        discount: int,
    ) -> None:
        self.unit_type = unit_type
        self.item = item
        self.line = line
        self.added = added
        self.free = free
        self.price = price
        self.discount = discount


class Replacement:
    """Planned exchange: `units` of `line` leave the cart, `target` units come; the dearer part is
    discounted.
    """

    __slots__ = ("addition", "amount", "line", "units")

    def __init__(self, line: WorkLine, units: int, amount: int, addition: Addition) -> None:
        self.line = line
        self.units = units
        self.amount = amount
        self.addition = addition


class Plan:
    """What one redeemable would do to the order."""

    __slots__ = (
        "additions",
        "credits",
        "cuts",
        "order",
        "payment",
        "points",
        "replacements",
        "shares",
        "shipping",
        "used",
    )

    def __init__(self) -> None:
        self.order = 0
        self.cuts: list[LineCut] = []
        self.additions: list[Addition] = []
        self.replacements: list[Replacement] = []
        self.shipping: list[tuple[WorkShipping, int]] = []
        self.credits: int | None = None
        self.points: int | None = None
        self.payment = False
        """Credits and points pay; they are no discount where margins are concerned."""
        self.shares: list[int] | None = None
        """The order-level amount split over the lines, when somebody asks for it."""
        self.used: list[tuple[WorkLine, int]] = []
        """Units that were bought for the discount, without being discounted."""

    @property
    def items(self) -> int:
        """Item-level discount of the plan."""
        total = 0
        for cut in self.cuts:
            total += cut.amount
        for addition in self.additions:
            total += addition.discount
        for replacement in self.replacements:
            total += replacement.addition.discount
        return total

    @property
    def off(self) -> int:
        """Everything that is given away, as budgets count it: also what comes off shipping."""
        total = self.order + self.items
        if self.shipping:
            for _, amount in self.shipping:
                total += amount
        return total

    @property
    def added_amount(self) -> int:
        """By how much the order's amount changes through units that come and go."""
        total = 0
        for addition in self.additions:
            if addition.price is not None:
                total += addition.price * addition.added
        for replacement in self.replacements:
            addition = replacement.addition
            total += (addition.price or 0) * addition.added - replacement.amount
        return total

    @property
    def has_effect(self) -> bool:
        """Free units without a price count as an effect (section 10, 20)."""
        if self.order or self.credits or self.points or self.replacements:
            return True
        for cut in self.cuts:
            if cut.amount:
                return True
        if self.shipping and any(amount for _, amount in self.shipping):
            return True
        return any(addition.free or addition.added for addition in self.additions)
