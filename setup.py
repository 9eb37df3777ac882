"""What pyproject.toml cannot say: the native engine is built where it can be.

KOLMOZIP_NATIVE=1 demands it (the install fails where it cannot be built), 0 leaves it out. Without
it everything works on the extra `jax`. It is compiled in release mode, also in editable installs.
"""

from __future__ import annotations

import os
import shutil

from setuptools import setup
from setuptools_rust import RustExtension

SWITCH = os.environ.get("KOLMOZIP_NATIVE", "")
CARGO = shutil.which(os.environ.get("CARGO", "cargo"))

# Where cargo is absent nothing is declared, so that the wheel is one for every platform.
ENGINE = [
    RustExtension(
        "compressor.codec._native",
        path="native/python/Cargo.toml",
        cargo_manifest_args=["--locked"],
        debug=False,
        optional=SWITCH != "1",
    )
]
if SWITCH == "0" or (SWITCH != "1" and CARGO is None):
    setup()
else:
    setup(rust_extensions=ENGINE, options={"bdist_wheel": {"py_limited_api": "cp311"}})
