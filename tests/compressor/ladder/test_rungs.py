"""The declared rungs: equal parameters, fewer multiply-adds, choices by name."""

import pytest

from compressor.ladder import rungs
from compressor.ladder.rows import CONTROLS
from compressor.ladder.rungs import WIDTHS, UnknownRung, ar, chosen, multiply_adds
from models.network.patches import PatchConfig

PAIRS = [(rung, scale) for rung in rungs.rungs() for scale in rung.scales]


def _id(value):
    return getattr(value, "name", value)


@pytest.mark.parametrize(("rung", "scale"), PAIRS, ids=_id)
def test_a_rung_has_the_parameters_of_its_scale_unless_it_is_shrunk(rung, scale):
    width = WIDTHS[scale]
    whole, own = ar(width).parameters(), rung.shape(width).parameters()
    if rung.family == "shrunk":
        assert own < whole
    else:
        assert own == pytest.approx(whole, rel=0.01)


def test_scales_are_what_their_names_say():
    for scale, width in WIDTHS.items():
        shape = ar(width)
        inner = shape.parameters() - sum(shape.table_dim << bits for _, bits in shape.tables)
        assert inner / 1e6 == pytest.approx(float(scale[:-1]), rel=0.1)


def test_enough_rungs_at_the_middle_scale_and_enough_of_them_at_all():
    assert sum("1M" in rung.scales for rung in rungs.rungs()) >= 10
    assert sum(set(WIDTHS) == set(rung.scales) for rung in rungs.rungs()) >= 5
    assert {rung.name for rung in rungs.rungs()} >= set(CONTROLS)


@pytest.mark.parametrize("scale", WIDTHS)
def test_shrunk_networks_compute_what_their_names_say(scale):
    whole = multiply_adds(ar(WIDTHS[scale]))
    for name, share in rungs.SHARES.items():
        shape = rungs.shrunk(share)(WIDTHS[scale])
        assert multiply_adds(shape) / whole == pytest.approx(share, rel=0.1), name


def test_a_patch_of_two_bytes_saves_multiply_adds():
    for rung in rungs.rungs():
        shape = rung.shape(192)
        if isinstance(shape, PatchConfig) and shape.least == 2:
            assert shape.multiply_adds(0.5) < 0.8 * multiply_adds(ar(192)), rung.name


def test_smaller_scales_come_first_and_names_choose():
    assert [scale for _, scale in chosen(["space"], [])] == list(WIDTHS)
    assert [(rung.name, scale) for rung, scale in chosen(["space", "ar"], ["1M"])] == [
        ("space", "1M"),
        ("ar", "1M"),
    ]
    assert {rung.name for rung, _ in chosen([], ["4M"])} == {
        rung.name for rung in rungs.rungs() if "4M" in rung.scales
    }


def test_a_named_rung_is_run_at_a_scale_that_it_is_not_declared_for():
    assert [scale for _, scale in chosen(["surprise"], ["4M"])] == ["4M"]


def test_refuses_unknown_names_and_names_the_known():
    with pytest.raises(UnknownRung, match="sat-2"):
        chosen(["sat-3"], [])
    with pytest.raises(UnknownRung, match=r"0\.3M"):
        chosen([], ["9M"])
