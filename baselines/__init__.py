"""Codecs and networks that kolmozip is measured against."""
