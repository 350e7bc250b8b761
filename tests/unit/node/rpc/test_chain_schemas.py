"""The OpenRPC document has every method that the chain serves, and every answer has the shape that it describes."""

from collections.abc import Iterator

import pytest

from node.chain.chain import Chain
from node.chain.dispatcher import SEND, Dispatcher
from node.chain.methods import PRIVATE_METHODS, PUBLIC_METHODS
from node.rpc.chain_schemas import RESULTS
from node.rpc.news import METHODS as NEWS
from node.rpc.openrpc import METHODS, openrpc_document
from node.rpc.router import FORWARDED
from tests.support.asked_chain import ACCOUNT, ask, asked_chain, calls
from tests.support.chain import signed
from tests.support.json_schema import check

FILTERS = {"eth_newFilter", "eth_getFilterChanges", "eth_getFilterLogs", "eth_uninstallFilter"}


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with asked_chain(tmp_path_factory.mktemp("chain")) as chain:
        yield chain


def test_the_document_has_exactly_what_is_served() -> None:
    listed = [method["name"] for method in openrpc_document("0")["methods"]]
    assert len(listed) == len(set(listed))
    assert set(listed) == {*METHODS, *NEWS, "energy_subscription", *PUBLIC_METHODS, SEND}
    assert set(RESULTS) == {*PUBLIC_METHODS, SEND}
    assert all(name.startswith(FORWARDED) for name in RESULTS)
    assert not any(name.startswith(FORWARDED) for name in PRIVATE_METHODS)


def test_answers_have_the_shapes_that_are_documented(chain: Chain) -> None:
    dispatcher = Dispatcher(chain)
    given = calls(chain)
    for method in RESULTS.keys() - FILTERS:
        for params in given.get(method, [[]]):
            check(ask(dispatcher, method, *params), RESULTS[method], f"{method}{params}")
    for make, params in (("eth_newFilter", [{"fromBlock": "0x0"}]), ("eth_newBlockFilter", [])):
        identifier = ask(dispatcher, make, *params)
        check(identifier, RESULTS[make], make)
        chain.submit([signed(int(ask(dispatcher, "eth_getTransactionCount", ACCOUNT), 16))])
        asked = ["eth_getFilterChanges", "eth_getFilterLogs", "eth_uninstallFilter"]
        for method in asked if make == "eth_newFilter" else asked[::2]:
            check(ask(dispatcher, method, identifier), RESULTS[method], method)
