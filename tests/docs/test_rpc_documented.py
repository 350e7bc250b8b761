"""docs/RPC.md has every method that a stranger can call, with its parameters, and no other."""

import re

from node.chain.dispatcher import SEND
from node.chain.methods import PRIVATE_METHODS, PUBLIC_METHODS
from node.rpc.openrpc import METHODS
from node.rpc.router import FORWARDED, SUBSCRIBING
from node.rpc.schemas import SCHEMAS
from tests.support.documents import documents, table_rows
from tests.support.source_tree import ROOT

DOCUMENT = ROOT / "docs" / "RPC.md"
ROWS = {row[0].strip("`"): row for row in table_rows(DOCUMENT)}
PAGING = {"limit", "cursor", "newestFirst"}


def test_energy_methods_are_documented_with_their_parameters() -> None:
    for name, method in METHODS.items():
        told = ROWS[name][1]
        for parameter, (schema, required) in method.params.items():
            assert f"`{parameter}{'' if required else '?'}`" in told, name
            reference = schema.get("$ref", "").rpartition("/")[2]
            if reference.endswith("Filter"):
                for field in set(SCHEMAS[reference]["properties"]) - PAGING:
                    assert f"`{field}`" in told, f"{name}: {field}"
    assert "rpc.discover" in ROWS


def test_chain_methods_are_documented() -> None:
    open_to_strangers = {name for name in (*PUBLIC_METHODS, SEND) if name.startswith(FORWARDED)}
    told = set(re.findall(r"`((?:eth|net|web3|debug|resilia|txpool|ots|erigon)_[A-Za-z0-9]+)`", DOCUMENT.read_text()))
    of_the_node = {name for name in SUBSCRIBING if name.startswith("energy_")}
    assert told == open_to_strangers | set(SUBSCRIBING) - of_the_node
    assert all(f"`{name}`" in DOCUMENT.read_text() for name in of_the_node)


def test_no_document_tells_of_a_method_that_is_not_there() -> None:
    known = {*METHODS, *PUBLIC_METHODS, *PRIVATE_METHODS, SEND, *SUBSCRIBING}
    for document in documents():
        told = re.findall(r"`((?:energy|eth|debug|chain)_[a-z][A-Za-z]+)`", document.read_text())
        assert set(told) <= known, document.name


def test_outcome_of_an_order_is_documented() -> None:
    assert all(f"{field}" in DOCUMENT.read_text() for field in SCHEMAS["Placed"]["properties"])
