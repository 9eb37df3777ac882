"""Exact arithmetic: from integer evidence to a container on disk. The pages of record are in FORMAT.md."""
