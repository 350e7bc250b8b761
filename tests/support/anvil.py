"""anvil, Foundry's development chain, as an EVM network of somebody else: started on a free port, ended by the test."""

import json
import subprocess
import threading
import urllib.request
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from tests.support.source_tree import ROOT

BINARY: Final = ROOT / "tests" / "clients" / "node_modules" / ".bin" / "anvil"
_READY: Final = "Listening on "
CHAIN_ID: Final = 1_904_113_327


class Anvil:
    """A running anvil."""

    def __init__(self, url: str, pid: int) -> None:
        self.url = url
        self.pid = pid

    def ask(self, method: str, *params: Any) -> Any:
        """Return the result of a method."""
        answer = self.answer(method, *params)
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def answer(self, method: str, *params: Any) -> dict[str, Any]:
        """Return the whole answer to a call."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.url, body, {"content-type": "application/json"})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as response:
            answer: dict[str, Any] = json.loads(response.read())
        return answer


@contextmanager
def running_anvil(*options: str) -> Iterator[Anvil]:
    """Run an anvil with the Prague rules, one block per transaction unless told otherwise."""
    command = [str(BINARY), "--port", "0", "--chain-id", str(CHAIN_ID), "--hardfork", "prague", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        # It reports every call: a pipe that nobody reads fills up, and anvil then stops for good.
        draining = threading.Thread(target=deque, args=(process.stdout, 0))
        try:
            url = next((f"http://{line.split()[-1]}" for line in process.stdout if line.startswith(_READY)), None)
            assert url is not None, "anvil did not come up"
            draining.start()
            yield Anvil(url, process.pid)
        finally:
            process.terminate()
            if draining.is_alive():
                draining.join()
