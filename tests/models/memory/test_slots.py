"""How large the memory's tables are."""

from __future__ import annotations

from models.memory.slots import slot_bits


def test_much_text_gets_more_slots_within_limits() -> None:
    sizes = (1, 1 << 16, 1 << 17, (1 << 22) - 1, 1 << 22, 1 << 27)
    assert [slot_bits(size) for size in sizes] == [18, 18, 19, 23, 24, 24]
