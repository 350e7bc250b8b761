import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from energy.errors import Corrupt, Unavailable
from energy.identity import hex_text
from node.chain.chain import Chain
from node.chain.dispatcher import BATCH_SIZE_MAX, Dispatcher
from node.chain.errors import BODY_SIZE_MAX
from node.chain.methods import PRIVATE_METHODS, PUBLIC_METHODS
from tests.support.chain import CHAIN_ID, START, decoded, new_chain, signed


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[Chain]:
    """A new chain."""
    chain = new_chain(tmp_path)
    yield chain
    chain.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dispatcher]:
    """A dispatcher for questions that change nothing."""
    chain = new_chain(tmp_path_factory.mktemp("shared"))
    yield Dispatcher(chain)
    chain.close()


def ask(dispatcher: Dispatcher, request: Any, *, private: bool = False) -> Any:
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    answer = dispatcher.answer(body, private=private)
    return json.loads(answer) if answer else None


def request(method: str, params: Any = (), identifier: Any = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identifier, "method": method, "params": list(params)}


def send(raw: bytes, identifier: int = 1) -> dict[str, Any]:
    return request("eth_sendRawTransaction", [hex_text(raw)], identifier)


def test_answers_with_the_identifier_of_the_request(shared: Dispatcher) -> None:
    for identifier in (1, "one", None, 2.5):
        answer = ask(shared, request("eth_chainId", identifier=identifier))
        assert answer == {"jsonrpc": "2.0", "id": identifier, "result": hex(CHAIN_ID)}


def test_parameters_may_be_left_out_or_named(shared: Dispatcher) -> None:
    assert ask(shared, {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber"})["result"] == "0x0"
    named = {"jsonrpc": "2.0", "id": 1, "method": "eth_getBlockByNumber", "params": {"block": "0x0", "full": False}}
    assert ask(shared, named)["result"]["number"] == "0x0"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -32700),
        (b"{", -32700),
        (b"\xff\xfe", -32700),
        (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"eth_chainId"}', -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[NaN]}', -32700),
        (b"[" * 200_000, -32700),
        (b"[" * 65 + b"]" * 65, -32700),
        (b'{"' + b"[" * 65 + b'": "\\"' + b"{" * 65 + b'"}', -32600),
        (b'{"a":' + b"9" * 10_000 + b"}", -32700),
        (b"[]", -32600),
        (b"7", -32600),
        (b'"eth_chainId"', -32600),
        (b"{}", -32600),
        (b'{"jsonrpc":"1.0","id":1,"method":"eth_chainId"}', -32600),
        (b'{"jsonrpc":"2.0","id":[],"method":"eth_chainId"}', -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":"eth_chainId"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":7}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":"x"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_unknown"}', -32601),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[1]}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":[]}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_sendRawTransaction","params":[]}', -32602),
        (b'{"jsonrpc":"2.0","id":1,"method":"eth_sendRawTransaction","params":["0xf"]}', -32602),
        (b" " * (BODY_SIZE_MAX + 1), -32600),
    ],
    ids=lambda value: str(value[:40]) if isinstance(value, bytes) else None,
)
def test_refuses_with_the_code_of_the_standard(shared: Dispatcher, body: bytes, code: int) -> None:
    answer = ask(shared, body)
    assert answer["error"]["code"] == code
    assert answer["jsonrpc"] == "2.0"
    assert "result" not in answer


@pytest.mark.parametrize(
    ("method", "params", "words"),
    [
        ("eth_getBalance", [], "missing value for required argument 0"),
        ("eth_getTransactionByBlockNumberAndIndex", ["0x0"], "missing value for required argument 1"),
        ("eth_chainId", [1], "too many arguments, want at most 0"),
        ("eth_getBalance", ["0x", "latest", 1], "too many arguments, want at most 2"),
    ],
)
def test_says_in_geths_words_how_many_arguments_it_wants(
    shared: Dispatcher, method: str, params: list[Any], words: str
) -> None:
    answer = ask(shared, json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode())
    assert answer["error"] == {"code": -32602, "message": words}


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_get_an_error_answer(shared: Dispatcher, body: bytes) -> None:
    assert "error" in ask(shared, body)


json_values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10)
nested = st.recursive(json_values, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner))


@settings(deadline=None)
@given(method=st.sampled_from(sorted({**PUBLIC_METHODS, **PRIVATE_METHODS})), params=st.lists(nested, max_size=4))
def test_no_parameters_break_a_method(shared: Dispatcher, method: str, params: list[Any]) -> None:
    answer = ask(shared, request(method, params), private=True)
    assert answer.get("error", {}).get("code") != -32603


def test_a_notification_is_executed_and_not_answered(chain: Chain) -> None:
    dispatcher = Dispatcher(chain)
    notification = {"jsonrpc": "2.0", "method": "eth_sendRawTransaction", "params": [hex_text(signed(0))]}
    assert dispatcher.answer(json.dumps(notification).encode(), private=False) == b""
    assert dispatcher.answer(json.dumps([notification]).encode(), private=False) == b""
    assert chain.head.header.number == 1


def test_a_batch_is_answered_in_its_sequence(chain: Chain) -> None:
    batch = [
        request("eth_blockNumber", identifier=1),
        {"jsonrpc": "2.0", "method": "eth_blockNumber"},
        7,
        send(signed(0), 3),
        request("eth_blockNumber", identifier=4),
    ]
    answers = ask(Dispatcher(chain), batch)
    assert [answer["id"] for answer in answers] == [1, None, 3, 4]
    assert [answer.get("result") for answer in answers] == ["0x0", None, hex_text(decoded(0).hash), "0x1"]


def test_neighbouring_transactions_of_a_batch_share_a_block(chain: Chain) -> None:
    batch = [send(signed(0), 1), send(signed(1), 2), request("eth_blockNumber", identifier=3), send(signed(2), 4)]
    answers = ask(Dispatcher(chain), batch)
    assert [answer["result"] for answer in answers] == [
        hex_text(decoded(0).hash),
        hex_text(decoded(1).hash),
        "0x1",
        hex_text(decoded(2).hash),
    ]
    assert chain.head.header.number == 2


def test_refusals_within_a_batch_stand_at_their_place(chain: Chain) -> None:
    bad = {"jsonrpc": "2.0", "id": 2, "method": "eth_sendRawTransaction", "params": ["0xzz"]}
    answers = ask(Dispatcher(chain), [send(signed(0), 1), bad, send(signed(0), 3), send(signed(1), 4)])
    assert [answer.get("error", {}).get("code") for answer in answers] == [None, -32602, -32000, None]
    assert answers[2]["error"]["message"] == "already known"


def test_a_batch_has_a_limit(shared: Dispatcher) -> None:
    one = request("eth_chainId")
    assert len(ask(shared, [one] * BATCH_SIZE_MAX)) == BATCH_SIZE_MAX
    assert ask(shared, [one] * (BATCH_SIZE_MAX + 1))["error"]["code"] == -32600


def test_a_transaction_sent_twice_is_already_known(chain: Chain) -> None:
    dispatcher = Dispatcher(chain)
    ask(dispatcher, send(signed(0)))
    assert ask(dispatcher, send(signed(0)))["error"] == {"code": -32000, "message": "already known"}


def test_private_methods_do_not_exist_for_the_public(chain: Chain) -> None:
    dispatcher = Dispatcher(chain)
    answer = ask(dispatcher, request("chain_setTime", [START + 900]))
    assert answer["error"]["code"] == -32601
    assert ask(dispatcher, request("chain_setTime", [START + 900]), private=True)["result"] is True
    ask(dispatcher, send(signed(0)))
    assert chain.head.header.timestamp == START + 900


def test_a_full_disk_is_unavailable(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object, *, own: object) -> None:
        raise Unavailable("the chain's disk is full")

    monkeypatch.setattr(chain, "submit", refuse)
    answers = ask(Dispatcher(chain), [send(signed(0), 1), send(signed(1), 2)])
    assert [answer["error"] for answer in answers] == [{"code": -32002, "message": "the chain's disk is full"}] * 2


def test_a_defect_is_answered_and_a_broken_invariant_is_not(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    dispatcher = Dispatcher(chain)
    errors: list[Exception] = [ZeroDivisionError(), Corrupt("torn")]

    def fail(_: object) -> None:
        raise errors.pop(0)

    monkeypatch.setitem(PUBLIC_METHODS, "eth_chainId", fail)
    assert ask(dispatcher, request("eth_chainId"))["error"] == {"code": -32603, "message": "internal error"}
    with pytest.raises(Corrupt):
        ask(dispatcher, request("eth_chainId"))


def test_an_answer_has_a_limit(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PUBLIC_METHODS, "web3_clientVersion", lambda session: "x" * 25_000_000)
    answer = ask(Dispatcher(chain), request("web3_clientVersion", identifier=5))
    assert (answer["id"], answer["error"]["code"]) == (5, -32003)
