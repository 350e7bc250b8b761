"""`resilia oracle`: what sources of facts say now, and what the oracles agreed on."""

import json
import time
from pathlib import Path

import pytest

from node.cli.main import main
from tests.support import small_node
from tests.support.facts import carbon
from tests.support.rpc_server import serving


def test_what_each_source_says_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    now = int(time.time())
    (tmp_path / "facts.toml").write_text(
        '[series.carbon]\nkind = "carbon_g_per_kwh"\nplace = "FR"\nstep_s = 3600\nsource = "file:carbon.csv"\n'
    )
    rows = "".join(f"{at},{41 if at else 9_999}\n" for at in range(now - now % 3_600, now + 90_000, 3_600))
    (tmp_path / "carbon.csv").write_text("at,value\n1,9999\n" + rows)
    assert main(["oracle", "watch", str(tmp_path / "facts.toml"), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (series,) = document["series"]
    assert (series["name"], series["kind"], series["stepS"]) == ("carbon", "carbon_g_per_kwh", 3_600)
    assert series["values"][:20] == [41] * 20
    assert document["rejected"] == {"FACT_ABSURD": 1}
    assert main(["oracle", "watch", str(tmp_path / "facts.toml")]) == 0
    shown = capsys.readouterr()
    assert "carbon_g_per_kwh" in shown.out
    assert "FACT_ABSURD 1" in shown.out + shown.err
    assert main(["oracle", "watch", str(tmp_path / "none.toml")]) == 78


def test_what_was_agreed_on_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with serving({"energy_getFacts": [carbon()], "energy_getStatus": small_node.status()}) as server:
        assert main(["oracle", "facts", "--rpc", server.url]) == 0
        assert "52 49 47 60" in capsys.readouterr().out
        assert main(["oracle", "facts", "--json", "--rpc", server.url]) == 0
        assert json.loads(capsys.readouterr().out)["series"] == [carbon()]
    with serving({"energy_getFacts": []}) as server:
        assert main(["oracle", "facts", "--rpc", server.url]) == 0
        shown = capsys.readouterr()
        assert "facts.toml" in shown.out + shown.err
