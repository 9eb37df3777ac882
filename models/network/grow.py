"""Starting a network from a smaller trained one, whose function it computes and learns on from.

Net2Net's function-preserving growth (Chen, Goodfellow, Shlens 2016, section 2), for the directions
that our shape allows:

- an n-gram table with more buckets repeats each row: a bucket is the leading bits of a hash, so
  bucket i of the larger table holds what bucket ``i >> more`` of the smaller one held;
- a new table is as in a fresh network, but its rows of ``w_ngram`` and ``head_ngram`` are zero, so
  it has no effect yet;
- a new layer is as in a fresh network, but both its output matrices are zero.
"""

from __future__ import annotations

import numpy as np

from models.integer.config import ModelConfig
from models.network.lm import Params, initialise


def grow(small: ModelConfig, params: Params, large: ModelConfig, seed: int = 0) -> Params:
    """Parameters of ``large`` that give the logits of ``small``.

    Raises ValueError where the shapes do not allow it.
    """
    same = ("width", "state", "hidden", "taps", "table_dim", "mlp")
    if (
        any(getattr(small, name) != getattr(large, name) for name in same)
        or large.layers < small.layers
    ):
        raise ValueError(
            f"a network grows in layers and tables alone: {', '.join(same)} must agree"
        )
    bits = dict(small.tables)
    if not bits.keys() <= dict(large.tables).keys() or any(
        more < bits.get(order, 0) for order, more in large.tables
    ):
        raise ValueError(
            "every table of the smaller network must be in the larger one, "
            "with as many buckets or more"
        )
    if small == large:
        return params
    grown = dict(initialise(large, seed))
    grown |= {name: leaf for name, leaf in params.items() if name not in ("w_ngram", "head_ngram")}
    places = {order: i for i, (order, _) in enumerate(small.tables)}
    for name in ("w_ngram", "head_ngram"):
        old = np.asarray(params[name]).reshape(len(places), small.table_dim, -1)
        new = np.zeros((len(large.tables), *old.shape[1:]), np.float32)
        for i, (order, _) in enumerate(large.tables):
            if order in places:
                new[i] = old[places[order]]
        grown[name] = new.reshape(-1, new.shape[-1])
    for order, more in large.tables:
        if order in places:
            table = np.asarray(params[f"table_{order}"])
            grown[f"table_{order}"] = np.repeat(table, 1 << (more - bits[order]), axis=0)
    for i in range(small.layers, large.layers):
        for block in (f"mixer_{i}", f"mlp_{i}"):
            grown[block] = {**grown[block], "w_out": np.zeros_like(grown[block]["w_out"])}
    return grown
