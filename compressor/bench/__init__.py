"""Measurements: codecs on inputs in fresh processes, speeds, estimates; one JSON a run."""
