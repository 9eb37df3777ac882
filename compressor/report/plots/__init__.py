"""Figures drawn with matplotlib: the same measurements give the same bytes of SVG and PNG."""
