"""The compiled module, whose source is native/python/src/lib.rs."""

from collections.abc import Callable
from typing import final

class Damaged(ValueError): ...

@final
class Network:
    def __new__(cls, weights: bytes, instruction_set: str = "") -> Network: ...
    @property
    def instruction_set(self) -> str: ...
    def encode_block(
        self, data: bytes, lanes: int, threads: int, progress: Callable[[int], object]
    ) -> bytes: ...
    def decode_block(
        self,
        payload: bytes,
        length: int,
        lanes: int,
        threads: int,
        progress: Callable[[int], object],
    ) -> bytes: ...

def build_id() -> str: ...
def instruction_sets() -> list[str]: ...
def instruction_set(name: str = "") -> str: ...
