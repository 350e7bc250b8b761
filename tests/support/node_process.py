"""A node in a process of its own, to be killed: `python -m tests.support.node_process FOLDER INSTANT`.

Opens its books, serves on a free port, prints ``{"rpcUrl": …}``, and stays at that instant until it is killed.
"""

import asyncio
import json
import sys
from pathlib import Path

from tests.support.real_node import running, serving


async def main(folder: Path, now: int) -> None:
    """Serve until killed."""
    async with running(folder, now) as node:
        await node.tick()
        async with serving(node) as (url, _):
            print(json.dumps({"rpcUrl": url}), flush=True)
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
