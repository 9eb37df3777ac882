"""Deflate streams in a block, unpacked and made again exactly. ``FORMAT.md``, section 7.

This is the definition, and what runs where the native engine is not at hand. Modules, each of which
imports only those before it: ``bits``, ``tokens`` (which ones zlib would write), ``codes`` (how it
would write them), ``inflate``, ``corrections`` (where a stream differs), ``stream``, ``find`` and
``parts``.
"""

from coding.deflate.parts import rebuild, unpack

__all__ = ["rebuild", "unpack"]
