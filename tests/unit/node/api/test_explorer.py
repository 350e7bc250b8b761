import re
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.abi import function_abi_to_4byte_selector

from node.api.app import create_web_app
from node.api.decoding import ITEMS_SHOWN, decoded_call, decoded_event, type_of
from node.ledger import artifact
from node.views.events import Broadcaster
from node.views.queries import Queries
from tests.support.asgi import request
from tests.support.chain_double import ChainDouble
from tests.support.small_community import CONTRACT, HOMES, CoreDouble, filled_projection, word

APP = create_web_app(CoreDouble(), Queries(filled_projection()), ChainDouble(), Broadcaster())
CONTRACTS = {"token": CONTRACT, "settlement": "0x" + "77" * 20}


def text(path: str) -> str:
    answer = request(APP, "GET", path, headers={"accept": "text/html"})
    assert answer.status_code == 200
    return re.sub(r"<[^>]+>|\s+", " ", answer.text)


def test_a_block_says_what_its_transactions_do_and_leads_to_its_neighbours() -> None:
    html = request(APP, "GET", "/blocks/3", headers={"accept": "text/html"}).text
    assert "<strong>transfer</strong> · CommunityToken" in html
    assert f'href="/transactions/{word(0xD6, 3)}"' in html
    assert 'href="/blocks/2"' in html
    assert 'href="/blocks/4"' in html
    assert 'href="/blocks/20"' not in request(APP, "GET", "/blocks/19", headers={"accept": "text/html"}).text
    assert text(f"/blocks/{word(0xF0, 3)}") == text("/blocks/3")


def test_a_transaction_is_told_in_the_words_of_its_contract() -> None:
    shown = text(f"/transactions/{word(0xD6, 3)}")
    assert "It succeeded." in shown
    assert shown.count(HOMES[2]) == 2, "as an argument and in the event"
    assert shown.count("3000000000") == 2


@pytest.mark.parametrize(
    ("wanted", "address"),
    [
        ("3", "/blocks/3"),
        (" #19 ", "/blocks/19"),
        (word(0xD6, 3), f"/transactions/{word(0xD6, 3)}"),
        (word(0xF0, 3).upper().replace("0X", "0x"), f"/blocks/{word(0xF0, 3)}"),
        (HOMES[1], f"/accounts/{HOMES[1]}"),
    ],
)
def test_search_leads_to_what_was_meant(wanted: str, address: str) -> None:
    answer = request(APP, "GET", "/search", params={"q": wanted})
    assert (answer.status_code, answer.headers["location"]) == (303, address)


@pytest.mark.parametrize(
    "path", ["/search?q=", "/search?q=20", "/search?q=0x12", "/blocks/20", "/blocks/x", "/transactions/0x1"]
)
def test_what_is_not_there_is_said_to_be_missing(path: str) -> None:
    assert request(APP, "GET", path).status_code == 404


def example(entry: Any) -> Any:
    """Return a value of an ABI's argument."""
    if entry["type"].endswith("[]"):
        return [example({**entry, "type": entry["type"][:-2]})] * (ITEMS_SHOWN + 1)
    if entry["type"] == "tuple":
        return tuple(example(each) for each in entry["components"])
    return {"address": HOMES[0], "bytes": bytes(80), "bytes32": b"\x05" * 32}.get(
        entry["type"], 1_493_708_400 if entry["name"] == "firstInterval" else 7
    )


def test_tuples_and_lists_are_told_by_the_names_of_their_fields_and_cut() -> None:
    (entry,) = (each for each in artifact("Settlement")["abi"] if each.get("name") == "settle")
    arguments = encode([type_of(each) for each in entry["inputs"]], [example(each) for each in entry["inputs"]])
    data = "0x" + (function_abi_to_4byte_selector(entry) + arguments).hex()
    said = decoded_call(CONTRACTS, CONTRACTS["settlement"], data)
    assert (said.contract, said.name) == ("Settlement", "settle")
    values = dict(said.values)
    assert list(values) == [each["name"] for each in entry["inputs"]]
    assert values["run"].startswith("runId 7, firstInterval 1493708400 (2017-05-02T07:00:00Z), lastInterval 7, ")
    assert any(text.endswith(f"; … ({ITEMS_SHOWN + 1})") for text in values.values())


def test_what_no_contract_knows_stays_bytes() -> None:
    assert decoded_call(CONTRACTS, "0x" + "01" * 20, "0x1234").values == (("data", "0x1234"),)
    assert decoded_call(CONTRACTS, None, "0x").values == ()
    cut = decoded_call(CONTRACTS, CONTRACT, "0xa9059cbb00")
    assert (cut.contract, cut.name) == ("CommunityToken", None)
    log = {"address": CONTRACT, "topics": [word(1, 1)], "data": "0x"}
    assert decoded_event(CONTRACTS, log).name is None
