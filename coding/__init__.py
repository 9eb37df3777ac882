"""Exact arithmetic, from integer evidence to a container file; see FORMAT.md."""
