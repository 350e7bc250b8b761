import asyncio
import os
import signal
import socket
from dataclasses import replace
from typing import Any

import pytest

from energy.errors import Misconfigured, Unavailable
from node.serve import ServeOptions, Servers, run_until, stop_signals

NOBODY: Any = None
"""In the place of a node: ports are bound before anything is asked of it."""


def _taken() -> socket.socket:
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    return taken


@pytest.mark.parametrize("which", ["rpc_port", "web_port"])
def test_a_port_that_was_asked_for_and_is_taken_is_named(which: str) -> None:
    with _taken() as taken:
        port = taken.getsockname()[1]
        options = replace(ServeOptions(rpc_port=0, web_port=0), **{which: port})
        # With warnings as errors, a socket that stayed open would fail this test too.
        with pytest.raises(Misconfigured, match=f"127.0.0.1:{port} .*choose another port"):
            Servers(NOBODY, options)


def test_an_address_that_is_not_this_machine_s_is_named() -> None:
    with pytest.raises(Misconfigured, match=r"192\.0\.2\.1:0"):
        Servers(NOBODY, ServeOptions(host="192.0.2.1", rpc_port=0, web_port=0))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_work(number: signal.Signals) -> None:
    async def work(cancelled: list[bool]) -> None:
        os.kill(os.getpid(), number)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def check() -> list[bool]:
        cancelled: list[bool] = []
        with stop_signals() as stop:
            await asyncio.wait_for(run_until(stop, work(cancelled)), 30)
        return cancelled

    assert asyncio.run(check()) == [True]


def test_a_signal_before_the_work_began_is_not_lost() -> None:
    async def check() -> None:
        with stop_signals() as stop:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.wait_for(run_until(stop, asyncio.sleep(1_000)), 30)

    asyncio.run(check())


def test_what_the_work_raises_is_raised() -> None:
    async def work() -> None:
        raise Unavailable("the chain is away")

    async def check() -> None:
        with stop_signals() as stop:
            await run_until(stop, work())

    with pytest.raises(Unavailable, match="the chain is away"):
        asyncio.run(check())


def test_signals_are_given_back() -> None:
    async def check() -> object:
        with stop_signals():
            pass
        return signal.getsignal(signal.SIGTERM)

    assert asyncio.run(check()) is signal.SIG_DFL
