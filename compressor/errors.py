"""Refusals of the program around the format; each text is one line that ends with the remedy."""

from __future__ import annotations

from coding.errors import KolmozipError


class UnknownModel(KolmozipError):
    """No weights by this name or path."""


class AmbiguousModel(KolmozipError):
    """Two weights files share the name that was asked for."""


class FileRefusal(KolmozipError):
    """Base of the refusals about one file, whose name the text begins with."""


class OutputExists(FileRefusal):
    """The output is there already and --force was not given."""


class SameFile(FileRefusal):
    """The output is the input itself, by the same or by another name."""


class UnusableWeights(KolmozipError):
    """A weights file that is damaged, newer than this program, or not one."""


class UnusableMemory(KolmozipError):
    """A prepared memory that is damaged, of another version, not one, or cannot be made."""


class InputMissing(FileRefusal):
    """The input is not there or is not a file."""


class FolderMissing(FileRefusal):
    """The folder an output should go to is not there."""


class NoPermission(FileRefusal):
    """The system does not allow reading the input or writing the output."""


class DiskFull(FileRefusal):
    """The output did not fit."""


class InputOutput(FileRefusal):
    """Reading or writing failed for another reason the system gave."""


class OutOfMemory(KolmozipError):
    """The system has not the memory that the work needs."""


class Interrupted(KolmozipError):
    """The user stopped the work."""


class MissingExtra(KolmozipError):
    """A package that a command needs is not installed; the text names the extra that brings it."""


class NoEngine(KolmozipError):
    """No engine, or not the one that was asked for, can code on this machine."""


class StaleEngine(KolmozipError):
    """The native engine was built from other sources than those of this checkout."""


class NoCluster(KolmozipError):
    """No Dask scheduler at the address, none any more, or one that has no workers."""


class UnfitWorker(KolmozipError):
    """A worker of a cluster lacks kolmozip, weights or an engine, or has others than we do."""


class WorkersDied(KolmozipError):
    """Each worker that a block was given to has died of it."""
