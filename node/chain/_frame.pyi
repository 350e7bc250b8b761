from collections.abc import Callable, Mapping
from typing import Any

class Code:
    def __init__(self, code: bytes) -> None: ...

class Machine:
    def __init__(
        self, opcodes: Mapping[int, Any], precompiles: Mapping[Any, Any], codes: Callable[[bytes], Code]
    ) -> None: ...
    def run(self, computation: Any) -> None: ...
