"""Every refusal of a container by name; each text is one line that ends with the remedy."""

from __future__ import annotations


class KolmozipError(Exception):
    """Base of all refusals: catch this one to handle them all."""


class FormatError(KolmozipError):
    """The container cannot be decoded as it stands."""


class BadMagic(FormatError):
    """The first bytes are not a kolmozip container's."""


class NewerVersion(FormatError):
    """The container was written by a later format than this program knows."""


class OlderVersion(FormatError):
    """The container was written in a version of the format from before the first release."""


class NewerBlock(FormatError):
    """A block has a type, a memory design or a transform that this program does not know."""


class UnknownMemory(FormatError):
    """The container names a prepared memory that is not at hand."""


class Truncated(FormatError):
    """The container ends before its end mark."""


class Damaged(FormatError):
    """A checksum, a reserved field or a bound of the format does not hold."""


class TrailingData(FormatError):
    """Bytes follow the end mark."""


class UnknownWeights(FormatError):
    """The container names weights that are not at hand."""


class LimitExceeded(KolmozipError):
    """Coding would take more output or memory than the caller allows."""
