"""What a method is in the OpenRPC document, and the values that its examples show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from node.rpc.schema_kinds import Schema

ACCOUNT: Final = "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf"
DIGEST: Final = "0x" + "5a" * 32
SIGNED: Final = "0x" + "1c" * 65
QUARTER: Final = 1_495_024_200  # 2017-05-17T12:30Z
LOOK: Final = {"until": QUARTER, "signature": SIGNED}


@dataclass(frozen=True, slots=True)
class Method:
    """One method as the document describes it."""

    summary: str
    params: Mapping[str, tuple[Schema, bool]]
    """Schema, and whether it is required, by name and in sequence."""
    result: Schema
    example: Sequence[Any]
    """Values of the parameters in a typical call."""
    errors: Sequence[str] = ("InvalidParams",)
