"""One deflate stream: where it is not as foreseen, and made again. ``FORMAT.md``, section 7."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

from coding.deflate import codes, corrections
from coding.deflate.bits import Writer, low_first
from coding.deflate.codes import Foreseen
from coding.deflate.corrections import Corrections, Fix, Listed
from coding.deflate.inflate import Block, Stream
from coding.deflate.tokens import SHIFT, Foresight, Plan
from coding.errors import Damaged


class Comparison:
    """Goes through a stream that was found, and notes what is not as foreseen."""

    def __init__(self, stream: Stream, plan: Plan, known: array[int]) -> None:
        """``known`` is ``tokens.keys`` of its text."""
        self._stream, self._plan = stream, plan
        self._foresight = Foresight(stream.text, plan, known)
        self._at = 0
        self._tokens = 0
        self._stored_tokens = 0
        self._fixes = list[tuple[int, int, int]]()
        """Of each correction: tokens before it, how many of these are stored, and the token."""

    def corrections(self) -> Corrections:
        """The shortest that make the stream."""
        listed, foreseen = list[Listed](), True
        for block in self._stream.blocks:
            entry, same = self._block(block, block is self._stream.blocks[-1])
            listed.append(entry)
            foreseen = foreseen and same
        found, done = Corrections([] if foreseen else listed), 0
        for place, stored, token in self._fixes:
            # Where blocks are not listed, none is known to be stored before its tokens are.
            count = place if foreseen else place - stored
            found.fixes.append(Fix(count - done, token))
            done = count + 1
        return found

    def _block(self, block: Block, last: bool) -> tuple[Listed, bool]:
        """How a block would be listed, and whether it is as foreseen."""
        start, tokens, cut = self._at, block.tokens, False
        if block.kind == codes.STORED:
            self._at += block.size
            tokens, cut = self._foresight.run(start, self._at)
            self._stored_tokens += len(tokens)
            self._tokens += len(tokens)
        else:
            self._run(tokens)
        made = codes.foresee(codes.tally(tokens, self._stream.text, start), block.size)
        full = self._plan.block_tokens
        ends = len(tokens) < full if last else len(tokens) == full
        own = block.kind != codes.DYNAMIC or block.description == made.description
        entry = Listed(
            block.size if block.kind == codes.STORED else len(tokens),
            block.kind,
            "" if own else block.description,
        )
        return entry, ends and not cut and own and made.kind == block.kind

    def _run(self, tokens: Sequence[int]) -> None:
        foresight, at = self._foresight, self._at
        for count, token in enumerate(tokens, self._tokens):
            if foresight.foresee(at) == token:
                at = foresight.take(at, token)
            else:
                at = foresight.put(at, token)
                self._fixes.append((count, self._stored_tokens, token))
        self._at = at
        self._tokens += len(tokens)


def unforeseen(stream: Stream, plan: Plan, known: array[int], looked: int, most: int) -> int:
    """How many of the first tokens are not as foreseen; it stops counting above ``most``."""
    foresight, at, wrong = Foresight(stream.text, plan, known), 0, 0
    for block in stream.blocks:
        if block.kind == codes.STORED:
            foresight.run(at, at + block.size)
            at += block.size
        for token in block.tokens[:looked]:
            if foresight.foresee(at) == token:
                at = foresight.take(at, token)
            else:
                at = foresight.put(at, token)
                wrong += 1
                if wrong > most:
                    return wrong
        looked -= min(len(block.tokens), looked)
        if not looked:
            break
    return wrong


def make(text: bytes, plan: Plan, correction: bytes, most: int) -> bytes:
    """The stream of a text. Raises Damaged where there is none, or none of ``most`` bytes."""
    found = corrections.read(correction)
    maker = _Maker(text, plan, found, most)
    if found.blocks:
        for number, block in enumerate(found.blocks, 1):
            maker.listed(block, number == len(found.blocks))
    else:
        while not maker.foreseen():
            pass
    return maker.content()


class _Maker:
    """Writes the blocks of a stream."""

    def __init__(self, text: bytes, plan: Plan, found: Corrections, most: int) -> None:
        self._text, self._most = text, most
        self._full = plan.block_tokens
        self._foresight = Foresight(text, plan)
        self._fixes: Iterator[Fix] = iter(found.fixes)
        self._fix = next(self._fixes, None)
        self._until = self._fix.gap if self._fix else -1
        """Tokens up to the next correction; below 0 without one."""
        self._at = 0
        self._writer = Writer()

    def listed(self, block: Listed, last: bool) -> None:
        """Writes a block that is listed."""
        start = self._at
        if block.kind == codes.STORED:
            if block.size > len(self._text) - start:
                raise Damaged("a listed block has more bytes than are left: get the file anew")
            self._at += block.size
            self._foresight.run(start, self._at)
            self._write(Foreseen(block.kind, codes.FIXED_CODES, ""), array("I"), start, last)
            return
        tokens = self._tokens(block.size)
        if len(tokens) < block.size:
            raise Damaged("a listed block has more tokens than are left: get the file anew")
        symbols = codes.tally(tokens, self._text, start)
        if block.codes:
            if symbols.lacks(block.codes):
                raise Damaged("a described code lacks a symbol: get the file anew")
            made = Foreseen(block.kind, block.codes, block.description)
        else:
            made = codes.foresee(symbols, 0)._replace(kind=block.kind)
        self._write(made, tokens, start, last)

    def foreseen(self) -> bool:
        """Writes a block as foreseen. Returns whether it is the last one."""
        start, tokens = self._at, self._tokens(self._full)
        made = codes.foresee(codes.tally(tokens, self._text, start), self._at - start)
        last = len(tokens) < self._full
        self._write(made, tokens, start, last)
        return last

    def content(self) -> bytes:
        """The stream, once its last block is written."""
        if self._at < len(self._text):
            raise Damaged("listed blocks do not reach to the end of a text: get the file anew")
        if self._fix:
            raise Damaged("a correction is left over: get the file anew")
        return self._writer.content()

    def _tokens(self, most: int) -> array[int]:
        """The next tokens, fewer than ``most`` where the text ends before."""
        foresight, at, until, tokens = self._foresight, self._at, self._until, array("I")
        while len(tokens) < most and at < len(self._text):
            token = foresight.foresee(at)
            if until:
                at = foresight.take(at, token)
            else:
                token, until = self._corrected(at)
                at = foresight.put(at, token)
            until -= 1
            tokens.append(token)
        self._at, self._until = at, until
        return tokens

    def _corrected(self, at: int) -> tuple[int, int]:
        """The token that is put at a place, and the tokens up to the next such, itself included."""
        assert self._fix is not None
        token = self._fix.token
        if at + (token >> SHIFT) > len(self._text) or token & ((1 << SHIFT) - 1) > at:
            raise Damaged("a corrected match reaches beyond its text: get the file anew")
        self._fix = next(self._fixes, None)
        return token, self._fix.gap + 1 if self._fix else -1

    def _write(self, made: Foreseen, tokens: Sequence[int], start: int, last: bool) -> None:
        """Writes a block whose text is from ``start`` to where we are."""
        writer = self._writer
        head = low_first(int(last), 1) + low_first(made.kind, 2)
        if made.kind == codes.STORED:
            writer.write(head)
            writer.align()
            size = self._at - start
            writer.extend(size.to_bytes(2, "little") + (size ^ 0xFFFF).to_bytes(2, "little"))
            writer.extend(self._text[start : self._at])
        elif made.kind == codes.FIXED:
            writer.write(head + codes.write(tokens, self._text, start, codes.FIXED_CODES))
        else:
            writer.write(head + made.description)
            writer.write(codes.write(tokens, self._text, start, made.codes))
        if len(writer) > self._most:
            raise Damaged("a rebuilt block is longer than its head says: get the file anew")
