"""``python -m node.chain``: run a chain that was initialised."""

import argparse
import logging
import sys
from pathlib import Path

from node.chain.process import ProcessOptions, run


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m node.chain", description="Run the embedded chain.")
    parser.add_argument("--datadir", type=Path, required=True, help="directory of the chain")
    parser.add_argument("--sealer-key-file", type=Path, help="file with the sealer's key, in hex")
    parser.add_argument("--clock", choices=("system", "manual"), default="system", help="source of block timestamps")
    parser.add_argument("--stop-with-stdin", action="store_true", help="end when standard input closes")
    parser.add_argument("--interpreted", action="store_true", help="run contracts by py-evm's own, slower loop")
    parser.add_argument("--follow", metavar="URL", help="JSON-RPC of the sealer: execute its blocks instead of sealing")
    parser.add_argument("--await-standby", action="store_true", help="acknowledge what a standby has, and nothing else")
    parser.add_argument(
        "--seal-every", type=float, default=0.0, metavar="S", help="seal a block so often; else at once"
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    options = ProcessOptions(
        arguments.datadir,
        arguments.sealer_key_file,
        arguments.clock == "manual",
        arguments.stop_with_stdin,
        arguments.interpreted,
        arguments.follow,
        arguments.await_standby,
        arguments.seal_every,
    )
    return run(options)


if __name__ == "__main__":
    sys.exit(main())
