"""What a container says of itself, without decoding it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click

from coding import container
from coding.container import Kind
from compressor.system import files


def inspect_file(name: str) -> dict[str, Any]:
    """Walks the container, checking all its checksums; raises ``coding.errors.FormatError`` where one does not hold."""
    from compressor.codec import weights_store

    kinds: Counter[str] = Counter()
    packed, lanes = container.HEADER_BYTES, set()
    with files.open_input(name) as source:
        header = container.read_header(source)  # type: ignore[arg-type]
        for block in container.read_blocks(source, header.version):  # type: ignore[arg-type]
            if block.kind == Kind.END:
                packed += container.END_BYTES
                break
            kinds[block.kind.name.lower()] += 1
            packed += container.BLOCK_BYTES + len(block.payload)
            lanes.add(block.lanes)
    weights = weights_store.path_of(header.weights_id)
    return {
        "file": name,
        "format_version": header.version,
        "weights": header.weights_id.hex(),
        "model": weights.stem if weights else None,
        "blocks": dict(kinds),
        "lanes": sorted(lanes),
        "original_bytes": block.length,
        "compressed_bytes": packed,
        "ratio": round(block.length / packed, 4),
        "bits_per_char": round(8 * packed / block.length, 4) if block.length else None,
        "sha256_prefix": block.payload.hex(),
        "card": weights_store.card_of(weights) if weights else None,
    }


def show(facts: dict[str, Any]) -> str:
    """The facts as aligned lines; the card's below the rest."""
    facts = {
        **facts,
        "file": click.format_filename(facts["file"]),
    }  # a name may hold bytes that are not UTF-8
    rows = [(key.replace("_", " "), value) for key, value in facts.items() if key != "card"]
    rows += [
        (f"card: {key.replace('_', ' ')}", value) for key, value in (facts["card"] or {}).items()
    ]
    width = max(len(key) for key, _ in rows)
    return "\n".join(f"{key:{width}}  {'-' if value is None else value}" for key, value in rows)


def model_lines() -> list[str]:
    """One line for each weights file at hand."""
    from compressor.codec import weights_store
    from models.integer import weights as wt

    lines = [
        f"{'name':12} {'identity':16} {'parameters':>10} {'bytes':>10}  test bits/char (its card)"
    ]
    for path in weights_store.weights_files():
        data, card = path.read_bytes(), weights_store.card_of(path)
        told = card.get("test5m_bits_per_char", "-")
        lines.append(
            f"{path.stem:12} {wt.identity(data).hex()} {card.get('parameters', '-')!s:>10} {len(data):>10}  {told}"
        )
    return lines
