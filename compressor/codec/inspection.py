"""What a container and a weights file say of themselves, without decoding anything."""

from __future__ import annotations

from collections import Counter
from typing import Any

from coding import container, rebuilt
from coding.container import NO_MEMORY, NO_WEIGHTS, Reader
from compressor.codec import engines, needs, weights_store
from compressor.system import files
from compressor.system.plain_table import plain_table


def inspect_file(name: str) -> dict[str, Any]:
    """Facts of a container by name, walked from end to end with all its checksums verified.

    The engine is the one that would decode it here. What restoring takes is memory, a block at a
    time, and is not told where a prepared memory takes its share. Raises
    ``coding.errors.FormatError`` where a checksum does not hold.
    """
    kinds: Counter[str] = Counter()
    lanes, identities, tables, memory = set(), set(), 0, 0
    with files.open_input(name) as source:
        reader = Reader(source)
        for block in reader.blocks():
            kinds[block.head.kind.name.lower()] += 1
            memory = max(memory, needs.decoding(block))
            for head in rebuilt.mixed_heads(block):
                lanes.add(head.lanes)
                tables = max(tables, head.tables)
                identities.add(head.weights_id)
        packed = source.count
    original = reader.end.length
    named = sorted(identities - {NO_WEIGHTS})
    found = [weights_store.path_of(identity) for identity in named]
    models = [path.stem if path else None for path in found]
    return {
        "input": name,
        "format_version": container.VERSION,
        "form": "short" if reader.short else "long",
        "memory": None if reader.memory_id == NO_MEMORY else reader.memory_id.hex(),
        "weights": [identity.hex() for identity in named],
        "models": models,
        "blocks": dict(kinds),
        "lanes": sorted(lanes),
        "tables_mib": tables,
        "restoring_takes_bytes": memory if reader.memory_id == NO_MEMORY else None,
        "original_bytes": original,
        "compressed_bytes": packed,
        "ratio": round(original / packed, 4),
        "bits_per_char": round(8 * packed / original, 4) if original else None,
        "sha256_prefix": None if reader.short else reader.end.check.hex(),
        "engine": engines.describe(),
        "cards": [weights_store.card_of(path) for path in found if path],
    }


def show(facts: dict[str, Any]) -> str:
    """The facts as aligned lines, those of the model cards last."""
    name = facts["input"].encode("utf-8", "replace").decode()  # may hold bytes that are not UTF-8
    facts = {**facts, "input": name}
    rows = [(key.replace("_", " "), value) for key, value in facts.items() if key != "cards"]
    for card in facts["cards"]:
        rows += [(f"card: {key.replace('_', ' ')}", value) for key, value in card.items()]
    width = max(len(key) for key, _ in rows)
    return "\n".join(f"{key:{width}}  {'-' if value is None else value}" for key, value in rows)


def model_facts() -> list[dict[str, Any]]:
    """Name, identity, parameters, bytes and the card's test figure of each weights file at hand."""
    facts = []
    for path in weights_store.weights_files():
        card = weights_store.card_of(path)
        facts.append(
            {
                "name": path.stem,
                "identity": weights_store.identity_of(path).hex(),
                "parameters": card.get("parameters"),
                "bytes": path.stat().st_size,
                "test5m_bits_per_char": card.get("test5m_bits_per_char"),
            }
        )
    return facts


def model_lines() -> list[str]:
    """A heading and one line for each weights file at hand."""
    columns = ("name", "identity", ">parameters", ">bytes", "test bits/char (its card)")
    rows = [[str(value or "-") for value in facts.values()] for facts in model_facts()]
    return plain_table(columns, rows).splitlines()
