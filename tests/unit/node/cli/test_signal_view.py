"""`resilia market signal` shows what the node says, and the best window in words."""

import json

import pytest

from node.cli.failure import ExitCode
from node.cli.main import main
from tests.support import small_node
from tests.support.rpc_server import serving


def test_the_index_is_shown_part_by_part(capsys: pytest.CaptureFixture[str]) -> None:
    item = {"index": 155_500, "price": 115_500, "scarcity": 35_000, "carbon": 5_000}
    best = small_node.INTERVAL + 1_800
    window = {"start": best, "end": best + 3_600, "meanIndex": 90_000, "overallMean": 120_000, "words": "Then."}
    items = [
        {"interval": small_node.INTERVAL + 1_800 + 900 * place, **item, "basis": basis}
        for place, basis in enumerate(("book", "earlier-day", "tariff"))
    ]
    asked = []

    def answer(wanted: dict[str, int]) -> dict[str, object]:
        asked.append(wanted)
        return {"intervalLengthS": 900, "items": items, "window": window}

    with serving({"energy_getPriceSignal": answer, "energy_getStatus": small_node.status()}) as server:
        assert main(["market", "signal", "--window", "60", "--rpc", server.url]) == ExitCode.OK
        captured = capsys.readouterr()
        assert main(["--lang", "fr", "market", "signal", "--rpc", server.url]) == ExitCode.OK
        french = capsys.readouterr().err
        assert main(["market", "signal", "--hours", "3", "--json", "--rpc", server.url]) == ExitCode.OK
    assert asked[::2] == [{"hours": None, "windowS": 3_600}, {"hours": 3, "windowS": 7_200}]
    assert captured.out.count("15.6") == 1, "three quarters of one hour are one line"
    assert "book, earlier day, tariff" in captured.out
    assert captured.out.rstrip().endswith("█" * 20)
    assert "against 12.0\u00a0ct/kWh until tomorrow night" in captured.err
    assert "contre 12,0\u00a0ct/kWh" in french, "in the reader's language, whatever the node's"
    assert json.loads(capsys.readouterr().out)["items"][0]["index"] == 155_500
