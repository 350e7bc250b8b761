import sys
import threading
import time
from pathlib import Path

import pytest

from energy import strict_json
from energy.identity import hex_text
from node.chain import dispatcher
from node.chain.dispatcher import Dispatcher
from node.chain.time_limit import Interrupted, time_limit
from tests.support.chain import RECURSER, created, decoded, new_chain


def spin(seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


def test_interrupts_what_takes_too_long_and_nothing_afterwards() -> None:
    with pytest.raises(Interrupted), time_limit(0.02):
        spin(5)
    with time_limit(5):
        spin(0.01)
    spin(0.05)


def test_what_swallows_the_interruption_is_interrupted_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        def __del__(self) -> None:
            spin(0.05)

    def work() -> None:
        Slow()
        spin(5)

    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    began = time.monotonic()
    with pytest.raises(Interrupted), time_limit(0.02):
        work()
    assert time.monotonic() - began < 4


def test_another_thread_is_left_alone() -> None:
    done: list[bool] = []

    def work() -> None:
        with time_limit(0.001):
            spin(0.02)
        done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]


def test_a_strangers_call_has_its_time_and_the_next_one_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What falls into a destructor is told here, and rung again: see above.
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    chain = new_chain(tmp_path)
    chain.submit([created(RECURSER, 0)])
    contract = chain.store.transactions(1)[0].contract
    assert contract is not None
    answers = Dispatcher(chain)
    call = {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [{"to": hex_text(contract)}, "latest"]}
    quick = {"jsonrpc": "2.0", "id": 2, "method": "eth_getBalance", "params": [hex_text(decoded(0).sender), "latest"]}
    expected = answers.answer(strict_json.dumps(call), private=True)
    balance = answers.answer(strict_json.dumps(quick), private=False)
    monkeypatch.setattr(dispatcher, "CALL_S", 0.02)
    assert b"execution aborted (timeout" in answers.answer(strict_json.dumps(call), private=False)
    assert answers.answer(strict_json.dumps(call), private=True) == expected
    assert answers.answer(strict_json.dumps(quick), private=False) == balance
    monkeypatch.setattr(dispatcher, "BODY_S", 0.05)
    batch = strict_json.loads(answers.answer(strict_json.dumps([call] * 5 + [quick]), private=False))
    assert "execution aborted" in batch[0]["error"]["message"]
    assert [answer["error"]["code"] for answer in batch[4:]] == [-32002, -32002]
    chain.close()
