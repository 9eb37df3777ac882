"""Writes tests/golden/mamba: tensors from mamba-ssm's own functions, for test_scans.py.

    python -m venv build/mamba
    build/mamba/bin/pip install torch==2.13.0 einops==0.8.2 numpy==2.4.6 setuptools==84.0.0
    build/mamba/bin/python tests/models/network/make_mamba_golden.py

(pip's own choice of PyTorch comes with CUDA's libraries, some gigabytes; the CPU build is on
PyTorch's own index.)

How it gets at the functions. mamba-ssm is published as source only. Building it and importing it
both need CUDA, and without that even ``pip download`` fails: pip asks the package's setup.py for
metadata, and setup.py asks for nvcc and for PyTorch's version of CUDA. MAMBA_SKIP_CUDA_BUILD=TRUE
makes it ask for neither, and without build isolation it finds the PyTorch that is installed; the
CPU build will do, and made these. pip holds the archive against the SHA-256 below before it runs
any of it. This script then reads two files out of the archive and executes the source of three
pure-PyTorch functions and nothing else, in a namespace that holds torch, its functional module and
two functions of einops. No kernel, no Triton and no module of mamba-ssm is imported.

    mamba_ssm/ops/selective_scan_interface.py   selective_scan_ref
    mamba_ssm/modules/ssd_minimal.py            segsum, ssd_minimal_discrete

Every case is one .npz of float32 arrays, under the names and in the axis order of the reference:
inputs (seeded by the case's name), outputs, and for the cases in GRADIENTS those of half the sum of
all squared outputs, by PyTorch's autograd. selective_scan_ref casts to float32 by itself; the SSD
listing runs in float64 and its results are rounded once. versions.json says what made them. With
the same versions a second run writes the same bytes. The path of an archive as the one argument
replaces the download.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import json
import os
import platform
import subprocess
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import einops
import numpy as np
import torch

PACKAGE, VERSION = "mamba-ssm", "2.3.2.post1"
SHA256 = "104cc47e9101e5401a675fa2b784f2952b9b037f3b1dd83b5ac544394e95d028"
OUT = Path(__file__).resolve().parents[2] / "golden" / "mamba"

Arrays = dict[str, np.ndarray]


def fetch(folder: Path) -> Path:
    """The source archive from the package index, by pip, without a CUDA compiler."""
    pinned = folder / "requirement.txt"
    pinned.write_text(f"{PACKAGE}=={VERSION} --hash=sha256:{SHA256}\n")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--require-hashes"]
    options += ["--no-binary", PACKAGE, "--dest", str(folder), "--requirement", str(pinned)]
    command = [sys.executable, "-m", "pip", "download", *options]
    subprocess.run(command, check=True, env={**os.environ, "MAMBA_SKIP_CUDA_BUILD": "TRUE"})
    (archive,) = folder.glob("*.tar.gz")
    return archive


def functions(archive: Path, member: str, names: set[str]) -> dict[str, Any]:
    """The named functions of one file of the archive, defined alone in a namespace of their own."""
    if hashlib.sha256(archive.read_bytes()).hexdigest() != SHA256:
        raise SystemExit(
            f"{archive} is not {PACKAGE} {VERSION} as pinned here: "
            "name another, or none for a download"
        )
    with tarfile.open(archive) as files:
        source = files.extractfile(f"{PACKAGE.replace('-', '_')}-{VERSION}/{member}")
        assert source is not None
        tree = ast.parse(source.read())
    tree.body = [
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in names
    ]
    assert {node.name for node in tree.body} == names, f"{member} no longer defines {names}"
    space = {
        "torch": torch,
        "F": torch.nn.functional,
        "rearrange": einops.rearrange,
        "repeat": einops.repeat,
    }
    exec(compile(tree, member, "exec"), space)
    return {name: space[name] for name in names}


def solve(
    function: Callable[..., Any], inputs: Arrays, dtype: torch.dtype, gradients: bool
) -> Arrays:
    """Inputs, output, last state and, where asked for, gradients for each input.

    The gradients are those of half the sum of squares of output and state.
    """
    tensors = {
        name: torch.tensor(value, dtype=dtype, requires_grad=gradients)
        for name, value in inputs.items()
    }
    out, state = function(**tensors)
    results = {"out": out.detach(), "state": state.detach()}
    if gradients:
        (0.5 * (out.square().sum() + state.square().sum())).backward()
        results |= {f"grad_{name}": tensor.grad for name, tensor in tensors.items()}
    return inputs | {name: value.numpy().astype(np.float32) for name, value in results.items()}


def seeded(name: str) -> Callable[..., np.ndarray]:
    """Standard normal float32 arrays by shape, the same for the same name."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return lambda *shape: rng.normal(size=shape).astype(np.float32)


GRADIENTS = {"scan-all", "ssd-4-shared", "ssd-8-groups-state"}

SCANS: dict[str, tuple[tuple[int, int, int, int], int, str]] = {
    # (batch, channels, state, time), groups of B and C or 0 for none, options
    "scan-plain": ((2, 4, 4, 19), 0, ""),
    "scan-skip-gate": ((2, 4, 4, 19), 0, "D z"),
    "scan-softplus": ((2, 4, 4, 19), 0, "delta_bias delta_softplus"),
    "scan-all": ((1, 5, 3, 24), 0, "D z delta_bias delta_softplus"),
    "scan-groups": ((2, 6, 3, 19), 3, "D z delta_bias delta_softplus"),
    "scan-long": ((1, 3, 4, 257), 1, "delta_bias"),
}


def scan_case(name: str, reference: Callable[..., Any]) -> Arrays:
    """One case of the selective scan; with softplus, one step is large enough to stay as it is."""
    (batch, channels, state, time), groups, options = SCANS[name]
    normal, softplus = seeded(name), "delta_softplus" in options
    shared = (batch, groups, state, time) if groups else (batch, state, time)
    step = normal(batch, channels, time)
    inputs = {
        "u": normal(batch, channels, time),
        "A": -np.exp(normal(channels, state)),
        "B": normal(*shared),
    }
    inputs |= {"C": normal(*shared), "delta": step if softplus else np.abs(step) / 4}
    optional = {
        "D": normal(channels),
        "z": normal(batch, channels, time),
        "delta_bias": np.abs(normal(channels)) / 4,
    }
    inputs |= {key: value for key, value in optional.items() if key in options.split()}
    if softplus:
        inputs["delta"][0, 0, 3] = 21.0
    call = functools.partial(reference, delta_softplus=softplus, return_last_state=True)
    return solve(call, inputs, torch.float32, name in GRADIENTS) | {
        "delta_softplus": np.asarray(softplus)
    }


SSDS: dict[str, tuple[int, int, bool]] = {
    # chunk length, groups of B and C among 4 heads, initial state
    "ssd-4-shared": (4, 1, False),
    "ssd-4-shared-state": (4, 1, True),
    "ssd-8-groups": (8, 2, False),
    "ssd-8-groups-state": (8, 2, True),
    "ssd-8-heads-state": (8, 4, True),
    "ssd-24-shared-state": (24, 1, True),
}


def ssd_case(name: str, reference: Callable[..., Any]) -> Arrays:
    """One case of SSD; as in Mamba-2, B and C of a group are repeated for each of its heads."""
    chunk, groups, stateful = SSDS[name]
    batch, time, heads, width, state = 2, 24, 4, 3, 5
    normal = seeded(name)
    inputs = {"X": normal(batch, time, heads, width), "A": -np.abs(normal(batch, time, heads)) / 2}
    inputs |= {"B": normal(batch, time, groups, state), "C": normal(batch, time, groups, state)}
    if stateful:
        inputs["initial_states"] = normal(batch, 1, heads, width, state)

    def call(**v: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        each = {key: v[key].repeat_interleave(heads // groups, dim=2) for key in ("B", "C")}
        return reference(**{**v, **each}, block_len=chunk)

    return solve(call, inputs, torch.float64, name in GRADIENTS) | {"chunk": np.asarray(chunk)}


def main() -> None:
    """Fetches the archive unless its path is given, and writes every case anew."""
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(sys.argv[1]) if len(sys.argv) > 1 else fetch(Path(folder))
        scan = functions(
            archive, "mamba_ssm/ops/selective_scan_interface.py", {"selective_scan_ref"}
        )
        dual = functions(
            archive, "mamba_ssm/modules/ssd_minimal.py", {"segsum", "ssd_minimal_discrete"}
        )
    OUT.mkdir(exist_ok=True)
    for name in SCANS:
        np.savez(OUT / f"{name}.npz", **scan_case(name, scan["selective_scan_ref"]))  # type: ignore[arg-type]
    for name in SSDS:
        np.savez(OUT / f"{name}.npz", **ssd_case(name, dual["ssd_minimal_discrete"]))  # type: ignore[arg-type]
    versions = {
        PACKAGE: VERSION,
        "sha256": SHA256,
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
    versions |= {"einops": einops.__version__, "numpy": np.__version__}
    (OUT / "versions.json").write_text(json.dumps(versions, indent=1) + "\n")


if __name__ == "__main__":
    main()
