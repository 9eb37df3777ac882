"""Refusals of the program around the format; each text is one line that ends with the remedy."""

from __future__ import annotations

from coding.errors import KolmozipError


class UnknownModel(KolmozipError):
    """No weights by this name or path."""


class AmbiguousModel(KolmozipError):
    """Two weights files share the name that was asked for."""


class OutputExists(KolmozipError):
    """The output is there already and --force was not given."""


class UnusableWeights(KolmozipError):
    """A weights file that is damaged, newer than this program, or not one."""


class InputMissing(KolmozipError):
    """The input is not there or is not a file."""


class FolderMissing(KolmozipError):
    """The folder an output should go to is not there."""


class NoPermission(KolmozipError):
    """The system does not allow reading the input or writing the output."""


class DiskFull(KolmozipError):
    """The output did not fit."""


class InputOutput(KolmozipError):
    """Reading or writing failed for another reason the system gave."""


class Interrupted(KolmozipError):
    """The user stopped the work."""


class MissingExtra(KolmozipError):
    """A package that this command needs is not installed; the text names the extra that brings it."""
