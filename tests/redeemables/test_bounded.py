"""What a process keeps of much (app.redeemables.bounded)."""

from app.redeemables.bounded import Recent

SIZE = 8


def test_what_was_used_last_is_kept_and_no_more_than_there_is_room_for() -> None:
    """Half of the size for certain, the whole of it at the most."""
    recent: Recent[str, int] = Recent(SIZE)
    for number in range(5 * SIZE):
        recent.put(str(number), number)
        assert len(recent) <= SIZE
        for last in range(max(0, number - SIZE // 2 + 1), number + 1):
            assert recent.get(str(last)) == last
    assert recent.get("0") is None


def test_what_is_used_again_stays() -> None:
    """However many are used once in the meantime."""
    recent: Recent[str, int] = Recent(SIZE)
    recent.put("public", 1)
    for number in range(5 * SIZE):
        recent.put(str(number), number)
        assert recent.get("public") == 1


def test_what_is_put_again_is_the_new_one_and_what_is_popped_is_gone() -> None:
    """Also where the former one is among the older half."""
    recent: Recent[str, int] = Recent(SIZE)
    recent.put("code", 1)
    for number in range(SIZE // 2):
        recent.put(str(number), number)
    recent.put("code", 2)
    assert recent.get("code") == 2
    recent.pop("code")
    assert recent.get("code") is None
    recent.pop("code")
    assert len(recent) == SIZE // 2
