"""Many clients of one JSON-RPC port at once, in a process of their own: run by `benchmarks.ledger`.

Reads ``{"url", "clients", "each", "requests": [{method, params}, …]}`` from standard input. Each client keeps a
connection and asks again as soon as it is answered; they begin as far apart as there are requests. Prints
``{"p50_ms", "p99_ms", "per_s"}`` of all answers but the first of each client.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


def latencies(url: str, clients: int, each: int, requests: Sequence[tuple[str, Sequence[Any]]]) -> dict[str, float]:
    """Return what a process of so many clients has seen of a port.

    Args:
        url: Of the JSON-RPC.
        clients: Connections at once.
        each: Questions of each.
        requests: Methods and parameters, asked in turns.
    """
    given = {
        "url": url, "clients": clients, "each": each,
        "requests": [{"method": method, "params": params} for method, params in requests],
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", __name__], input=json.dumps(given), capture_output=True, text=True, check=False,
        cwd=Path(__file__).parents[1],
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr)
    told: dict[str, float] = json.loads(done.stdout)
    return told


async def _client(host: str, port: int, bodies: Sequence[bytes], each: int) -> list[float]:
    reader, writer = await asyncio.open_connection(host, port)
    seconds = []
    for number in range(each):
        body = bodies[number % len(bodies)]
        began = time.perf_counter()
        writer.write(body)
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
        answer = await reader.readexactly(length)
        seconds.append(time.perf_counter() - began)
        if b'"result"' not in answer:
            raise RuntimeError(answer.decode())
    writer.close()
    return seconds[1:]


async def _all(given: dict[str, Any]) -> dict[str, float]:
    parts = urlsplit(given["url"])
    host, port = parts.hostname or "", parts.port or 0
    bodies = []
    for number, request in enumerate(given["requests"]):
        body = json.dumps({"jsonrpc": "2.0", "id": number, **request}).encode()
        head = f"POST / HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
        bodies.append(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    apart = max(len(bodies) // given["clients"], 1)
    starts = [number * apart % len(bodies) for number in range(given["clients"])]
    turned = [bodies[start:] + bodies[:start] for start in starts]
    began = time.perf_counter()
    told = await asyncio.gather(*(_client(host, port, each, given["each"]) for each in turned))
    took = time.perf_counter() - began
    seconds = sorted(second for client in told for second in client)
    return {
        "p50_ms": 1_000 * seconds[len(seconds) // 2],
        "p99_ms": 1_000 * seconds[int(0.99 * (len(seconds) - 1))],
        "per_s": given["clients"] * given["each"] / took,
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_all(json.load(sys.stdin)))))
