"""The definition of the coded path: one integer step of the network in plain NumPy.

Engines equal it bit for bit. Every value is an int32 array and no intermediate leaves the int32
range; the bound stands beside the line that needs it. ``>>`` is the arithmetic shift (floor). Names
and units are those of ``coding/FORMAT.md``, section 3.
"""

from __future__ import annotations

import numpy as np

from models.integer import weights as wt
from models.integer.config import VOCABULARY
from models.integer.fixed_point import (
    FIRST_BYTE,
    clip,
    exponential_table,
    kan_table,
    root_table,
    scale,
    sigmoid,
)
from models.integer.ngram import context_index, push


class Reference:
    """The integer network over lanes: ``predict`` the next byte of each, ``perceive`` what came."""

    def __init__(self, weights: wt.IntegerWeights, lanes: int) -> None:
        c = self.config = weights.config
        self.weights = weights
        self.h = np.zeros((c.layers, lanes, c.state), np.int32)
        self.past = np.zeros((c.layers, c.taps, lanes, c.state), np.int32)
        self.low = np.zeros(lanes, np.uint32)
        self.high = np.zeros(lanes, np.uint32)
        self.kan = [
            kan_table(weights.arrays[f"mlp_{i}.knots"]).astype(np.int32) for i in range(c.layers)
        ]
        self.root, self.exponential = root_table(c.width), exponential_table()
        self.evidence = np.zeros((lanes, VOCABULARY), np.int32)
        self.perceive(np.full(lanes, FIRST_BYTE, np.uint8))

    def predict(self) -> np.ndarray:
        """Evidence for the next byte, (lanes, 256) int32: positive counts, each sum below 2^31."""
        return self.evidence

    def perceive(self, byte: np.ndarray) -> None:
        """Takes in the byte that came in every lane, (lanes,) uint8."""
        a, c = self.weights.arrays, self.config
        self.low, self.high = push(self.low, self.high, byte.astype(np.uint32))
        buckets = [
            (f"table_{n}", context_index(self.low, self.high, n, bits)) for n, bits in c.tables
        ]
        e = np.concatenate([a[name][bucket] for name, bucket in buckets], axis=1)
        x = a["embed"][byte].astype(np.int32) << (wt.RESIDUAL_BITS - wt.EXPONENTS["embed"])
        x = x + self.dense(e, "w_ngram", "table", wt.RESIDUAL_BITS)
        for i in range(c.layers):
            x = clip(x + self.mix(i, self.normalise(x)), 1 << 23)
            x = clip(x + self.wide(i, self.normalise(x)), 1 << 23)
        logits = self.dense(self.normalise(x), "head", "norm", wt.SIGNAL_BITS)
        logits = logits + self.dense(e, "head_ngram", "table", wt.SIGNAL_BITS)
        self.evidence = self.softmax(clip(logits + a["head_bias"], 1 << 17))

    def dense(
        self, x: np.ndarray, name: str, activation: str, bits: int | np.ndarray
    ) -> np.ndarray:
        """int8 x (lanes, in) times int8 weights, at ``bits`` fraction bits, held to 2^28."""
        a = self.weights.arrays
        total = x.astype(np.int32) @ a[name].astype(np.int32)  # |total| <= 1024 * 127^2 < 2^24
        right = wt.EXPONENTS[activation] - a[f"{name}.exponent"].astype(np.int32) - bits
        return clip(scale(total, right), 1 << 28)

    def normalise(self, x: np.ndarray) -> np.ndarray:
        """x / rms(x) in units of 1/16, int8; x (lanes, d) with |x| <= 2^23."""
        y = scale(x, _bit_length(np.abs(x).max(axis=1, keepdims=True)) - 11)  # |y| <= 2^11
        total = ((y * y) >> 2).sum(axis=1, keepdims=True, dtype=np.int32)  # <= 1024 * 2^20 = 2^30
        half = np.maximum(_bit_length(total) - 11, 0) >> 1
        root = self.root[np.clip((total >> (2 * half)) - 1024, 0, 3071)]
        return clip(scale(y * root, 16 + half), 127).astype(np.int8)  # y * root <= 2^11 * 2^19

    def mix(self, i: int, x: np.ndarray) -> np.ndarray:
        """Gated diagonal recurrence; h has 24 fraction bits and |h| <= 2^30."""
        a, w = self.weights.arrays, self.config.state
        z, gate, out = np.split(self.dense(x, f"mixer_{i}.w_in", "norm", 10), [w, 2 * w], axis=1)
        z = clip(z, 1 << 15)
        rate = sigmoid(gate + a[f"mixer_{i}.gate_bias"])
        taps = a[f"mixer_{i}.conv_taps"].astype(np.int32)
        from_past = scale((taps[:, None] * self.past[i]).sum(axis=0, dtype=np.int32), wt.TAP_BITS)
        mixed = clip(z + from_past, 8192)
        self.past[i] = np.concatenate([z[None], self.past[i][:-1]])
        decay = scale(rate * rate, 15) * scale(self.h[i], 15)  # <= 2^15 * 2^15
        self.h[i] = clip(self.h[i] - decay + scale(rate * mixed, 1), 1 << 30)
        out = clip(out, 1 << 14)
        y = scale(self.h[i], 14) * scale(out * sigmoid(out), 15)  # <= 2^16 * 2^14
        return self.dense(clip(scale(y, 15), 127).astype(np.int8), f"mixer_{i}.w_out", "mix", 12)

    def wide(self, i: int, x: np.ndarray) -> np.ndarray:
        """KAN layer, or KAN-gated linear unit: the learned functions are tables of 256 entries."""
        m, branches = self.config.hidden, self.config.branches
        bits = np.repeat(np.array([wt.EXPONENTS["kan"], wt.SIGNAL_BITS], np.int32), m)
        product = self.dense(x, f"mlp_{i}.w_in", "norm", bits[: m * branches])
        u, *v = np.split(product, branches, axis=1)
        f = self.kan[i][np.arange(m), clip(u, 127) + 128]  # |f| <= 2^15
        y = scale(f * clip(v[0], 1 << 14), 16) if v else scale(f, 6)
        return self.dense(clip(y, 127).astype(np.int8), f"mlp_{i}.w_out", "glu", 12)

    def softmax(self, logits: np.ndarray) -> np.ndarray:
        """exp(logits - max) as counts from 1 to 2^22; logits (lanes, 256) in 1/1024 nat."""
        below = np.minimum(logits.max(axis=1, keepdims=True) - logits, 1 << 15)
        bits = np.minimum((below * 5909) >> 14, 31 << 8)  # 5909 = log2(e) * 2^12; in 1/256 bit
        return np.maximum(self.exponential[bits & 255] >> (bits >> 8), 1)


def _bit_length(x: np.ndarray) -> np.ndarray:
    """The bit length of integers from 0 to 2^31 - 1, int32; frexp's exponent is it, exactly."""
    return np.frexp(x.astype(np.float64))[1].astype(np.int32)
