"""What a cell's row says: a broken promise is one at once, a cell that shows too little is run once more."""

from chaos.cell import Cell, Row
from chaos.checker import LOST
from chaos.model import OVER, Problem

PROMISED = Cell("W1", "F1", "ledger")


def test_a_promise_broken_once_is_broken() -> None:
    """It is not asked again."""
    row = Row(cell=PROMISED, problems=[Problem(OVER, "I1", "two for one")], failure="1 over")
    assert not row.says_nothing
    assert row.broken() == [f"1 {OVER}"]


def test_a_cell_that_shows_too_little_says_nothing() -> None:
    """Nor does one whose server did not come up; one that is fine says that it is."""
    assert Row(cell=PROMISED, failure="shows nothing: 3 acknowledged").says_nothing
    assert not Row(cell=PROMISED).says_nothing


def test_a_loss_is_broken_where_nothing_may_be_lost() -> None:
    """Journal with failover may lose; the ledger may not."""
    lost = [Problem(LOST, "I2", "gone")]
    assert Row(cell=PROMISED, problems=lost).broken() == [f"1 {LOST}"]
    allowed = Cell("W1", "F6", "journal")
    assert not allowed.promised
    assert Row(cell=allowed, problems=lost).broken() == []
