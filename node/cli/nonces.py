"""Numbers that tell a member's signed wishes apart."""

import time


def new_nonce() -> int:
    """Return the microseconds since 1970: unique enough for one member, and any JSON reader holds it exactly."""
    return time.time_ns() // 1_000
