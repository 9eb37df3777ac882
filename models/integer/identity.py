"""What names a weights file: the beginning of its hash."""

from __future__ import annotations

import hashlib

ID_BYTES = 8


def identity_of_bytes(data: bytes) -> bytes:
    """First 8 bytes of the SHA-256 of a weights file, by which a container names its model."""
    return hashlib.sha256(data).digest()[:ID_BYTES]


def file_facts(data: bytes) -> dict[str, str | int]:
    """Identity, size and SHA-256 of a weights file, as its card gives them."""
    return {
        "identity": identity_of_bytes(data).hex(),
        "file_bytes": len(data),
        "file_sha256": hashlib.sha256(data).hexdigest(),
    }
