"""What suits a block: small trials, in whole numbers, so that they end alike on every machine."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from coding import base64_text, columns, prediction, strings, transforms
from coding.base64_text import Text
from coding.columns import Table
from coding.container import Design, Kind, Transform
from coding.prediction import Stretch
from compressor.codec import native, pages, signals, tables
from compressor.codec.kinds import entropy, repeats
from compressor.codec.levels import LAYOUT, LIGHT, lanes_of
from compressor.codec.registry import Coders
from compressor.codec.seams import BlockCodec, Recipe, ignore_progress

_CALL = re.compile(rb"[\xe8\xe9](?=...[\x00\xff])", re.DOTALL)
LOOKED_AT = 1 << 20
"""Bytes in which calls of x86 are counted."""
SPARSE_CALLS = 2000
"""Fewer calls than one in so many bytes mean that there is no code worth a trial."""
CODE_SAMPLE = 1 << 17
TEXT_SAMPLE = 1 << 14
NUMBERS_SAMPLE = 1 << 16
SHARE, ALONE_SHARE = 48, 8
"""A sample is at most one byte in so many of the block, so that trials cost little of its time. A
transform is tried with the memory alone, which is quicker, and only where it may well help."""
LEAST_SAMPLE = 1 << 10
"""Bytes of a block, if it has so many, by which a network or none is chosen."""
SHORT_TEXT = 96 << 10
"""Bytes of a text below which a network is always better, or nearly as good."""
SAMPLE_LANES = 8
LEAST_NUMBERS = 1 << 11
LEAST_PREDICTED = 1 << 12
"""Bytes of a sample by which it is told whether a stretch is to be predicted, at least."""
PREDICTED_SHARE = 4
"""All such samples of a block are at most one byte in so many; the longest stretches come first."""
LEAST_LEAD, MOST_LEAD = 1 << 11, 1 << 17
"""Bytes that are predicted before such a sample: two rows, or more to reach the least."""
WINDOWS = (8, 9, 10, 11)
"""Windows of predictions that are tried."""
BASE64_SAMPLE = 1 << 15
"""Bytes of texts in base64 by which it is told whether they are to be told as what they stand for,
and a share of a block at most."""
BASE64_SHARE = 4
BASE64_REPEATED = 24
"""Bytes of a text whose letters tell whether it stands elsewhere too, as what is left as it is."""
_ROW = re.compile(rb"[A-Za-z0-9+/]{32,}+")
LEAST_TABLE = 1 << 14
"""Bytes of a block in which tables are looked for, at least."""
TABLE_SAMPLE, TABLE_SHARE = 1 << 15, 16
FAR_REPEATS = 4
"""Columns are refused where they would lose repetitions of more than one byte in so many."""
STRINGS_SAMPLE, LEAST_STRINGS, STRINGS_SHARE = 1 << 15, 1 << 13, 16
"""Bytes of each of two samples by which it is told whether strings are to be coded apart, at most
and at least, and a share of what they are taken from."""
SAVED_BY_STRETCH, SAVED_BY_BLOCK = 64, 128
"""Bytes that must be saved by a stretch, and by all of a block: what telling them takes."""
SAVED_BY_STRINGS = 256
"""Bytes that strings must save, whose block holds three others."""


def sample(block: bytes, size: int, centre: int) -> bytes:
    """``size`` bytes of a block, around a place as near as can be."""
    start = min(max(centre - size // 2, 0), len(block) - size)
    return block[start : start + size]


def transformed(block: bytes, alone: BlockCodec, design: Design) -> tuple[Transform, bytes]:
    """The block as it is to be coded with this design, and the transform that made it so."""
    transform = _program(block, alone) or _differences(block, alone, design)
    return transform, apply(transform, block)


def _program(block: bytes, alone: BlockCodec) -> Transform:
    """X86 where it makes a sample of the block's code smaller."""
    calls = [match.start() for match in _CALL.finditer(block, 0, LOOKED_AT)]
    if not calls or len(calls) * SPARSE_CALLS < min(len(block), LOOKED_AT):
        return Transform.NONE
    changed = apply(Transform.X86, block)
    # Where the calls are is code; the middle of a program may be its data.
    centre, size = calls[len(calls) // 2], min(len(block) // ALONE_SHARE, CODE_SAMPLE)
    samples = (sample(text, size, centre) for text in (block, changed))
    sizes = [_size(alone, text, LIGHT, 1) for text in samples]
    return Transform.X86 if sizes[1] < sizes[0] else Transform.NONE


def _differences(block: bytes, alone: BlockCodec, design: Design) -> Transform:
    """The differences that make a sample of the block smaller by a sixteenth, if any do.

    Repetitions further apart than the sample is long help the bytes more than their differences.
    """
    size = min(len(block) // ALONE_SHARE, NUMBERS_SAMPLE)
    # A sample begins where a number of each width and number of channels does.
    start = (len(block) - size) // 2 // 12 * 12
    plain = block[start : start + size]
    if len(plain) < LEAST_NUMBERS:
        return Transform.NONE
    sizes = _as_differences(plain, alone, design)
    if not sizes:
        return Transform.NONE
    best = min(sizes, key=lambda transform: sizes[transform])
    return best if 16 * sizes[best] <= 15 * _size(alone, plain, design, 1) else Transform.NONE


def _as_differences(plain: bytes, alone: BlockCodec, design: Design) -> dict[Transform, int]:
    """What a sample takes as those differences that may well make it smaller."""
    changed = {transform: apply(transform, plain) for transform in transforms.DIFFERENCES}
    entropies = {transform: entropy(text) for transform, text in changed.items()}
    of_bytes, likely = entropy(plain), dict[int, Transform]()
    for transform in sorted(changed, key=lambda transform: entropies[transform], reverse=True):
        if entropies[transform] < of_bytes:
            # Of those that reach equally far back one is enough: a later one has the lower entropy.
            likely[math.prod(transforms.DIFFERENCES[transform])] = transform
    return {one: _size(alone, changed[one], design, 1) for one in likely.values()}


class Predicted(NamedTuple):
    """What a block with sound or pictures holds."""

    parts: bytes
    """Without the streams, which stand at their end."""
    streams: bytes


def predicted(
    block: bytes, stretches: list[Stretch], alone: BlockCodec, design: Design
) -> Predicted | None:
    """What a block holds in which sound and pictures are coded apart, None where none should be.

    A stretch is where a sample of it takes less than as it is, and than its differences do.
    """
    chosen, room = list[_Trial](), len(block) // PREDICTED_SHARE
    longest = sorted(stretches, key=lambda stretch: stretch.size, reverse=True)
    for stretch in longest[: prediction.MOST_STRETCHES]:
        room -= _predicted_sample(stretch)
        if room >= 0:
            trial = _tried(block, stretch, alone, design)
            chosen += [trial] if trial.saved > SAVED_BY_STRETCH else []
    if sum(trial.saved for trial in chosen) <= SAVED_BY_BLOCK:
        return None
    return in_streams(block, sorted(trial.stretch for trial in chosen))


def in_streams(block: bytes, stretches: Sequence[Stretch]) -> Predicted:
    """What a block holds in which these stretches, in order and apart, are coded in streams."""
    texts = (block[one.start : one.start + one.size] for one in stretches)
    streams = [
        signals.encoded(text, one.signal) for text, one in zip(texts, stretches, strict=True)
    ]
    parts = prediction.parts_of(block, stretches, streams)
    end = len(parts) - sum(map(len, streams))
    return Predicted(parts[:end], parts[end:])


def _predicted_sample(stretch: Stretch) -> int:
    """Bytes of a stretch, of whole numbers, by which it is told whether it is to be predicted."""
    size = min(max(stretch.size // ALONE_SHARE, LEAST_PREDICTED), NUMBERS_SAMPLE, stretch.size)
    return size - size % stretch.signal.width


def _tried(block: bytes, stretch: Stretch, alone: BlockCodec, design: Design) -> _Trial:
    """A stretch with the form and window that suit it, and what is saved by coding it apart."""
    start, length, signal = stretch
    original = block[start : start + length]
    told = signals.told(original, signal)
    if told is None:
        told, signal = original, signals.without_colours(signal)
    row = signal.row * signal.width
    size = _predicted_sample(stretch)
    first = (length - size) // 2 // row * row
    # What comes before the sample is learned from, so that its first rows have rows above them.
    lead = min(first, max(min(2, MOST_LEAD // row), LEAST_LEAD // row) * row)
    text, plain = told[first - lead : first + size], original[first : first + size]
    form = signals.without_colours(signal)
    windows = [form._replace(window=window) for window in WINDOWS]
    coded = [len(signals.encoded(text, one)) for one in windows]
    now = min(coded)
    best = windows[coded.index(now)]
    now -= len(signals.encoded(text[:lead], best))
    sizes = [_size(alone, plain, design, 1), *_as_differences(plain, alone, design).values()]
    saved = (min(sizes) - now) * length // size if 32 * now < 31 * min(sizes) else 0
    return _Trial(Stretch(start, length, signal._replace(window=best.window)), saved)


class _Trial(NamedTuple):
    stretch: Stretch
    saved: int


def in_base64(block: bytes) -> list[Text]:
    """The texts in base64 of a block, as many as one can tell of."""
    return list(itertools.islice(base64_text.texts(block), base64_text.MOST_TEXTS))


def base64_pays(block: bytes, found: list[Text], alone: BlockCodec, design: Design) -> bool:
    """Whether what texts in base64 stand for takes less than the texts: those that come first."""
    most = max(min(BASE64_SAMPLE, len(block) // BASE64_SHARE), LEAST_SAMPLE)
    others, sampled = _letters_outside(block, found), 0
    letters, data = bytearray(), bytearray()
    for text in found:
        if (room := most - sampled) <= 0:
            break
        sampled += min(text.size, room)
        data += text.data[: room * 3 // 4]
        # Letters that stand elsewhere too, as such, are told as a repetition for next to nothing.
        middle = len(text.data) // 6 * 3
        if base64_text.encoded(text.data[middle : middle + BASE64_REPEATED], 0, 0) not in others:
            letters += block[text.start : text.start + min(text.size, room)]
    now = _size(alone, bytes(letters), design, 1)
    then = _size(alone, bytes(data), design, 1)
    saved = (now - then) * sum(text.size for text in found) // sampled
    return 32 * then < 31 * now and now - then >= SAVED_BY_STRETCH and saved > SAVED_BY_BLOCK


def _letters_outside(block: bytes, found: list[Text]) -> bytes:
    """Letters of base64 that stand outside the texts, in long rows: the first of them, joined."""
    ends = [0, *(text.start + text.size for text in found)]
    starts = [*(text.start for text in found), len(block)]
    gaps = zip(ends, starts, strict=True)
    rows = (row.group() for gap in gaps for row in _ROW.finditer(block, *gap))
    return b"".join(rows)[:LOOKED_AT]


def table_in(block: bytes, alone: BlockCodec, design: Design) -> Table | None:
    """The table around the middle of a block that takes less column by column, if there is one.

    Of a sample of it columns must take a sixteenth less than what it takes as it is, and an eighth
    less than its differences, which gain more in the long run; a thirty-second less must be left
    elsewhere in the table; and rows must not have much more repetitions that are too far apart for
    a sample.
    """
    if len(block) < LEAST_TABLE:
        return None
    size, middle = max(len(block) // TABLE_SHARE, LEAST_NUMBERS), len(block) // 2
    plain = sample(block, min(size, TABLE_SAMPLE), middle)
    widths = tables.widths(plain)
    if not widths:
        return None
    sizes = [_size(alone, columns.by_column(plain, width), design, 1) for width in widths]
    least = min(sizes)
    if 16 * least > 15 * _size(alone, plain, design, 1):
        return None
    if any(8 * least > 7 * size for size in _as_differences(plain, alone, design).values()):
        return None
    table = tables.around(block, middle, widths[sizes.index(least)])
    rows = block[table.start : table.start + table.size]
    elsewhere = [sample(rows, len(plain) // 2, len(rows) * at // 4) for at in (1, 3)]
    now = sum(_size(alone, text, design, 1) for text in elsewhere)
    in_columns = [columns.by_column(text, table.width) for text in elsewhere]
    if 32 * sum(_size(alone, text, design, 1) for text in in_columns) > 31 * now:
        return None
    turned = [columns.by_column(text, table.width) for text in (rows, plain)]
    lost = _far_repeats(rows, plain) - _far_repeats(*turned)
    return table if FAR_REPEATS * lost <= len(rows) else None


def _far_repeats(text: bytes, sampled: bytes) -> int:
    """How many places of a text repeat others beyond what a sample of it shows."""
    return 8 * (repeats(text) - repeats(sampled) * len(text) // len(sampled))


def strings_apart(
    block: bytes, coders: Coders, design: Design, alone: Design
) -> strings.Parts | None:
    """The parts of a block whose strings are coded apart from the pages of PDF that show them.

    None where two samples of the pages take no less by a sixteenth so: a short text gains more by
    it than a long one, whose letters come to tell what stands between them.
    """
    found = pages.stretches(block)
    shown = b"".join(block[one.start : one.start + one.size] for one in found)
    size = min(max(len(shown) // STRINGS_SHARE, LEAST_STRINGS), STRINGS_SAMPLE)
    if len(shown) < 2 * size:
        return None
    form = pages.form_of(block)

    def least(text: bytes) -> int:
        lanes = lanes_of(len(text), SAMPLE_LANES)
        with_network = [_size(codec, text, design, lanes) for codec in coders.networks]
        return min([_size(coders.alone, text, alone, 1), *with_network])

    now = then = 0
    for at in (1, 3):
        text = sample(shown, size, len(shown) * at // 4)
        apart = strings.parts_of(text, [strings.Stretch(0, size)], form)
        now += least(text)
        then += _size(coders.alone, apart.skeletons, alone, 1) + least(apart.texts)
    saved = (now - then) * len(shown) // (2 * size)
    if 16 * then > 15 * now or saved <= SAVED_BY_STRINGS:
        return None
    return strings.parts_of(block, found, form)


def codec_for(
    block: bytes, coders: Coders, design: Design = LAYOUT, alone: Design = LAYOUT
) -> BlockCodec:
    """The codec of the network that suits a block, or of the memory alone where none is a help.

    In a sample a network has the advantage of what it has learned before, and none of the lanes
    that it needs and the memory alone does without: it must win by a thirty-second there. A short
    text takes a network without this trial. ``design`` is what networks are tried beside, as the
    block will have it, ``alone`` that of the memory alone.
    """
    if not coders.networks:
        return coders.alone
    size = min(max(len(block) // SHARE, LEAST_SAMPLE), TEXT_SAMPLE, len(block))
    text = sample(block, size, len(block) // 2)
    with_network = len(block) < SHORT_TEXT and tables.is_text(text)
    if with_network and len(coders.networks) == 1:
        return coders.networks[0]
    lanes = lanes_of(len(text), SAMPLE_LANES)
    sizes = [_size(codec, text, design, lanes) for codec in coders.networks]
    best = min(range(len(sizes)), key=sizes.__getitem__)
    if with_network:
        return coders.networks[best]
    if 32 * _size(coders.alone, text, alone, lanes) <= 33 * sizes[best]:
        return coders.alone
    return coders.networks[best]


def _size(codec: BlockCodec, text: bytes, design: Design, lanes: int) -> int:
    """Bytes that a sample takes."""
    recipe = Recipe(lanes, design, max(len(text) >> 13, 1))
    return len(codec.encode_block(text, recipe, ignore_progress)) if text else 0


def apply(transform: Transform, block: bytes) -> bytes:
    """The block as it is coded, by the native engine where that is at hand."""
    if transform == Transform.NONE:
        return block
    if native.at_hand():
        return native.apply(transform, block)
    return transforms.apply(transform, block)


def unpacked(block: bytes, most: int) -> bytes | None:
    """The parts of a block that holds deflate streams, at most so many bytes, None of another.

    By the native engine where that is at hand, as ``block_from`` does.
    """
    if native.at_hand():
        return native.unpack(block, most)
    from coding import deflate  # loads NumPy

    return deflate.unpack(block, most)


def block_from(kind: Kind, parts: bytes, length: int) -> bytes:
    """The block of ``length`` bytes and a type that has parts. Raises ``coding.errors.Damaged``."""
    if kind == Kind.BASE64:
        return base64_text.block_from(parts, length)
    if kind == Kind.PREDICTED:
        return prediction.block_from(parts, length, signals.decoded)
    if kind == Kind.COLUMNS:
        return columns.block_from(parts, length)
    if kind == Kind.STRINGS:
        return strings.block_from(parts, length)
    if native.at_hand():
        return native.rebuild(parts, length)
    from coding import deflate  # as above

    return deflate.rebuild(parts, length)


def undo(transform: Transform, block: bytes) -> bytes:
    """The inverse of ``apply``."""
    if transform == Transform.NONE:
        return block
    if native.at_hand():
        return native.undo(transform, block)
    return transforms.undo(transform, block)
