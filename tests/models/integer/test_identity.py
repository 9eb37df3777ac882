"""What names a weights file."""

from __future__ import annotations

import hashlib

from models.integer.identity import file_facts, identity_of_bytes

DATA = b"some weights"


def test_identity_is_the_beginning_of_the_hash() -> None:
    assert identity_of_bytes(DATA) == hashlib.sha256(DATA).digest()[:8]
    assert identity_of_bytes(DATA) != identity_of_bytes(DATA[:-1])


def test_the_facts_name_identity_size_and_hash() -> None:
    digest = hashlib.sha256(DATA).hexdigest()
    facts = {"identity": digest[:16], "file_bytes": len(DATA), "file_sha256": digest}
    assert file_facts(DATA) == facts
