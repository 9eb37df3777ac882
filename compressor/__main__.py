"""Lets ``python -m compressor`` stand for the installed command ``kolmozip``."""

from __future__ import annotations

from compressor.cli import run

if __name__ == "__main__":
    run()
