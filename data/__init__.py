"""Corpora, samples of text, splits, lanes and training windows."""
