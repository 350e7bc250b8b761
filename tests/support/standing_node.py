"""A node that serves, in a process of its own, with time as it is told.

`python -m tests.support.standing_node FOLDER PORT INSTANT`; with ``await`` behind it waits for a standby. Reads
instants from standard input and ticks at each; answers with the runs that were settled, or why nothing was done. It
ends in good order when its input ends.
"""

import asyncio
import json
import sys
from pathlib import Path

from energy.errors import Unavailable
from node.app import Node
from node.chain.launcher import Sealing
from node.chain.seal import read_sealer
from node.clock import SimulatedClock
from node.serve import ServeOptions, Servers
from node.standby.log_following import tell_replaced
from tests.support import real_node

METER = "meters/operator.csv"


def found(folder: Path) -> None:
    """Found three homes whose meters are all in one file."""
    real_node.found(folder, sources=dict.fromkeys(real_node.LABELS, f"csv:{METER}"))


async def main(folder: Path, port: int, now: int, awaits: bool) -> None:
    """Serve until the input ends."""
    clock = SimulatedClock(now)
    node = await Node.open(folder, clock, manual_time=True, sealing=Sealing(await_standby=awaits))
    servers = Servers(node, ServeOptions(rpc_port=port, web_port=0))
    await servers.start()
    sealer = read_sealer(folder / "keys" / "sealer.key")
    teller = asyncio.create_task(tell_replaced(folder, node.community.chain_id, sealer))
    print(json.dumps("ready"), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        clock.advance_to(max(int(line), clock.now()))
        try:
            report = await node.tick()
            answer: object = [run.run_id for run in report.settled]
        except Unavailable as error:
            answer = str(error)
        print(json.dumps(answer), flush=True)
    node.events.close()
    teller.cancel()
    await node.wind_down()
    await servers.stop()
    await node.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:] == ["await"]))
