"""Stretches of sound and pictures to and from streams, by the native engine where it is at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coding.prediction import BLUE_FIRST, COLOURS, HIGH_FIRST, SIGNED, WIDE, Signal
from compressor.codec import native

if TYPE_CHECKING:
    from models.signals.model import SignalModel


def without_colours(signal: Signal) -> Signal:
    """A signal of what ``told`` gives."""
    return signal._replace(form=signal.form & ~(COLOURS | BLUE_FIRST))


def told(stretch: bytes, signal: Signal) -> bytes | None:
    """A stretch with its colours told as JPEG tells them; None where it has others."""
    if not signal.form & COLOURS:
        return stretch
    from coding.colours import from_rgb  # loads NumPy

    return from_rgb(stretch, signal.row, bool(signal.form & BLUE_FIRST))


def encoded(stretch: bytes, signal: Signal) -> bytes:
    """The stream of a stretch of whole numbers: 32-bit words, little-endian.

    Raises ValueError where its form has colours that the stretch does not consist of, or where half
    a number is left.
    """
    if len(stretch) % signal.width:
        raise ValueError("a stretch ends within a number: it has to be one of whole numbers")
    numbers, form = told(stretch, signal), without_colours(signal)
    if numbers is None:
        raise ValueError("a picture has a colour that none of JPEG's is: code it without them")
    encode = native.encode_signal if native.at_hand() else encoded_by_definition
    return encode(numbers, form)


def decoded(stream: bytes, size: int, signal: Signal) -> bytes:
    """The inverse of ``encoded`` for a stretch of ``size`` bytes.

    Raises ``coding.errors.Damaged`` where the stream holds what no encoder writes; other damage
    gives other bytes.
    """
    decode = native.decode_signal if native.at_hand() else decoded_by_definition
    stretch = decode(stream, size, without_colours(signal))
    if not signal.form & COLOURS:
        return stretch
    from coding.colours import to_rgb  # as above

    return to_rgb(stretch, signal.row, bool(signal.form & BLUE_FIRST))


def encoded_by_definition(stretch: bytes, signal: Signal) -> bytes:
    """The stream of a stretch without colours by the Python definition."""
    import numpy as np

    from coding.rangecoder import BitEncoder  # loads constriction

    coder = BitEncoder()
    numbers = np.frombuffer(stretch, _kind(signal)).astype(np.int64) - _centre(signal)
    _model(signal).code(numbers, coder)
    return coder.finish()


def decoded_by_definition(stream: bytes, size: int, signal: Signal) -> bytes:
    """The inverse of ``encoded_by_definition``. Raises Damaged as ``decoded`` does."""
    import numpy as np

    from coding.rangecoder import BitDecoder  # as above

    numbers = np.zeros(size // signal.width, np.int64)
    _model(signal).code(numbers, BitDecoder(stream))
    return (numbers + _centre(signal)).astype(_kind(signal)).tobytes()


def _model(signal: Signal) -> SignalModel:
    from models.signals.model import SignalModel

    wide = bool(signal.form & WIDE)
    return SignalModel(wide, signal.window, signal.channels, signal.row, signal.distances)


def _kind(signal: Signal) -> str:
    """How NumPy names the numbers of the original."""
    order = ">" if signal.form & HIGH_FIRST else "<"
    return f"{order}{'i' if signal.form & SIGNED else 'u'}{signal.width}"


def _centre(signal: Signal) -> int:
    """What the original's numbers are more than those that are coded."""
    return 0 if signal.form & SIGNED else 1 << (8 * signal.width - 1)
