"""What the compressor is measured against: classical codecs, a transformer of the same size, external programs."""
