"""Work that may wait for another machine, in a thread, so that orders are answered meanwhile."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


async def off_loop(work: Callable[Arguments, Answer], *args: Arguments.args, **kwargs: Arguments.kwargs) -> Answer:
    """Do something in a thread and return what it returns.

    Whoever waits here and is cancelled still waits until the thread has ended: a key signs one thing at a time, and is
    not closed under its hands.
    """
    working = asyncio.ensure_future(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait([working])
        raise
