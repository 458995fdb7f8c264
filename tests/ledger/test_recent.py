"""What was ledgered a moment ago is projected without being read back, and nothing else is."""

from app.core.keys import Partition
from app.core.outbox import Entry, Position
from app.ledger.recent import KEPT_MAX, Recent

HERE = Partition("proj_recent")


def entries(first: int, last: int, epoch: int = 1) -> list[Entry]:
    return [Entry(f"{epoch}-{number}", b"e%d" % number, b"", (number,)) for number in range(first, last + 1)]


def kept(recent: Recent, projected: int, epoch: int = 1, count: int = 200) -> list[int]:
    return [one.position.sequence for one in recent.after(HERE, Position(epoch, projected), count)]


def test_what_follows_on_the_projected_is_given_in_order() -> None:
    """Two batches are one run; as many as asked for."""
    recent = Recent()
    recent.keep(HERE, Position(1, 0), Position(1, 3), entries(1, 3))
    recent.keep(HERE, Position(1, 3), Position(1, 5), entries(4, 5))
    assert kept(recent, 0, count=4) == [1, 2, 3, 4]
    assert kept(recent, 4) == [5]
    assert kept(recent, 5) == []


def test_only_what_was_committed_is_kept() -> None:
    """Entries at or before the cursor were skipped, those past it were not committed."""
    recent = Recent()
    recent.keep(HERE, Position(1, 2), Position(1, 4), entries(1, 6))
    assert kept(recent, 2) == [3, 4]


def test_a_run_that_begins_later_is_not_given() -> None:
    """What lies between is in the ledger alone; once it is projected, the run goes on from here."""
    recent = Recent()
    recent.keep(HERE, Position(1, 9), Position(1, 12), entries(10, 12))
    assert kept(recent, 4) == []
    assert kept(recent, 10) == [11, 12]


def test_a_gap_or_another_epoch_begins_anew() -> None:
    """Another process drained between, or a recovery opened a new epoch."""
    recent = Recent()
    recent.keep(HERE, Position(1, 0), Position(1, 2), entries(1, 2))
    recent.keep(HERE, Position(1, 4), Position(1, 6), entries(5, 6))
    assert kept(recent, 0) == []
    recent.keep(HERE, Position(2, 0), Position(2, 1), entries(1, 1, epoch=2))
    assert kept(recent, 4) == []
    assert kept(recent, 0, epoch=2) == [1]


def test_no_more_than_the_bound_is_kept() -> None:
    """A projection that stands still costs no memory."""
    recent = Recent()
    recent.keep(HERE, Position(1, 0), Position(1, KEPT_MAX), entries(1, KEPT_MAX))
    assert len(kept(recent, 0, count=KEPT_MAX + 1)) == KEPT_MAX
    recent.keep(HERE, Position(1, KEPT_MAX), Position(1, KEPT_MAX + 1), entries(KEPT_MAX + 1, KEPT_MAX + 1))
    assert kept(recent, 0) == []


def test_a_partition_that_is_gone_leaves_nothing() -> None:
    """Its project was deleted."""
    recent = Recent()
    recent.keep(HERE, Position(1, 0), Position(1, 2), entries(1, 2))
    recent.forget(HERE)
    assert kept(recent, 0) == []
