"""The audit of a border: two neighbourhoods and a city trade and hand over a certificate, and then somebody forges."""

import asyncio
import json
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from energy.identity import hex_text
from metering.files.csv_row import encode_row
from node.cli.main import main as resilia
from node.coop.community import Community
from node.storage.log import AppendLog, replay
from tests.support.linked_node import home_of
from tests.support.linked_places import BOND_NEUR, NAMES, VOID, Place, linked_places
from tests.support.real_node import FIRST, LENGTH_S

AFTER = FIRST + LENGTH_S
END = AFTER + LENGTH_S
LATE = END + 2 * LENGTH_S


@pytest.fixture
def places(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[dict[str, Place]]:
    with linked_places(tmp_path, capsys, trusting=True) as found:
        yield found


def test_border_holds_from_both_ends_and_forgeries_are_named(
    places: dict[str, Place], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trade(places, FIRST)
    for name, imported, exported in (("north", 0, 400), ("south", 400, 0)):
        places[name].ask("meter", FIRST, 0, 0)
        places[name].ask("meter", AFTER, imported, exported)
    miss_a_gate(places)
    hand_over(places, tmp_path)
    void_an_award(places)

    statements = {name: tmp_path / f"{name}.statement" for name in NAMES}
    for name in NAMES:
        ended = places[name].waiting(
            LATE, "audit", "border", "--dir", str(places[name].folder), "--chain", "--statement", str(statements[name]),
            "--json",
        )  # fmt: skip
        assert ended.returncode == 0, ended.stdout
        told = json.loads(ended.stdout)
        assert told["awards"] >= told["runs"] >= (4 if name == "city" else 2)
        assert (told["exports"], told["imports"]) == {"north": (1, 0), "south": (0, 1)}.get(name, (0, 0))
        # North's link traded nothing where north was away, and its meter shows what it owes all the same.
        assert told["tradedWh"] == {"north": 400, "south": 1_200}.get(name, 0)
    for name in NAMES:
        others = [word for other in NAMES if other != name for word in ("--against", str(statements[other]))]
        assert audit(places[name].folder, capsys, *others) == []
    name_forgeries(places, statements, tmp_path, capsys)


def trade(places: dict[str, Place], interval: int) -> None:
    """Let north's home sell 400 Wh to south's, across the city, as far as the awards."""
    city, north, south = (places[name] for name in NAMES)
    city.ask("at", interval - 700)
    for place in (north, south):
        place.until(interval - 700, lambda status: status["link"]["exportMaxWh"] and status["mode"] == "together")
    assert north.ask("order", "SELL", 400, 50_000, interval) == "placed"
    assert south.ask("order", "BUY", 400, 100_000, interval) == "placed"
    for place in (north, south):
        place.ask("at", interval - 600)
    city.until(interval - 600, lambda status: all(interval in each for each in status["offers"].values()))
    city.ask("at", interval - 420)
    for place in (north, south):
        place.until(interval - 400, lambda status: interval in status["awarded"])
        if interval == FIRST:
            place.ask("at", interval - 315)


def miss_a_gate(places: dict[str, Place]) -> None:
    """Kill north's machine with an award in hand; it comes back when the interval is over."""
    trade(places, AFTER)
    north, south = places["north"], places["south"]
    north.kill()
    with open(north.folder / "meters" / "home.csv", "ab") as file:
        file.write(encode_row("HOME", END, 0, 800) + b"\n")
    south.ask("at", AFTER - 315)
    south.ask("meter", END, 800, 0)
    north.start_server()
    north.start_node(END)
    north.ready()
    for place in (north, south):
        place.until(END, lambda status: status["lastRun"] and status["lastRun"]["lastInterval"] == AFTER)
    for place in places.values():
        place.until(END, lambda status, place=place: min(place.ask("gate_runs")) >= 2)  # type: ignore[misc]


def void_an_award(places: dict[str, Place]) -> None:
    """Keep an award from north until its gate is over: the bond that lies at the city pays for it, to the Wh."""
    city, north, south = (places[name] for name in NAMES)
    assert city.ask("bond", "north") == city.ask("bond", "south") == BOND_NEUR
    assert north.ask("order", "SELL", 400, 50_000, LATE) == "placed"
    assert south.ask("order", "BUY", 400, 100_000, LATE) == "placed"
    for place in (north, south):
        place.ask("at", LATE - 600)
    city.until(LATE - 600, lambda status: all(LATE in each for each in status["offers"].values()))
    north.kill()
    city.ask("at", LATE - 420)
    south.until(LATE - 400, lambda status: LATE in status["awarded"])
    south.ask("at", LATE - 315)
    north.start_server()
    north.start_node(LATE)
    north.ready()
    for place in (north, city):
        place.until(LATE, lambda status, place=place: place is north or city.ask("bond", "north") < BOND_NEUR)  # type: ignore[misc]
    assert BOND_NEUR - city.ask("bond", "north") == 400 * VOID
    assert city.ask("bond", "south") == BOND_NEUR
    for place in places.values():
        place.ask("at", LATE)


def hand_over(places: dict[str, Place], folder: Path) -> None:
    """Let the certificate of the energy that the link did not get go to south."""
    keystore, password, document = folder / "home.json", folder / "password", folder / "certificate.json"
    keystore.write_text(json.dumps(Account.encrypt(home_of("north").private_key, "p", kdf="pbkdf2", iterations=1)))
    password.write_text("p\n")
    listed = places["north"].waiting(END, "cert", "list", "--owner", hex_text(home_of("north").address), "--json")
    (certificate,) = [each for each in json.loads(listed.stdout)["items"] if each["interval"] == AFTER]
    made = places["north"].waiting(
        END, "cert", "export", str(certificate["number"]), "--to", "south",
        "--recipient", hex_text(home_of("south").address),
        "--key", str(keystore), "--password-file", str(password), "-o", str(document),
    )  # fmt: skip
    ended(made)
    ended(places["south"].waiting(END, "cert", "import", str(document)))


def ended(process: "subprocess.CompletedProcess[str]") -> None:
    assert process.returncode == 0, process.stderr


def audit(folder: Path, capsys: pytest.CaptureFixture[str], *more: str) -> list[str]:
    """Return what an audit of a folder finds."""
    capsys.readouterr()
    code = resilia(["audit", "border", "--dir", str(folder), "--json", *more])
    told = json.loads(capsys.readouterr().out)
    assert told["holds"] is (code == 0), told
    assert code in (0, 3)
    return sorted({each["breach"] for each in told["findings"]})


def name_forgeries(
    places: dict[str, Place], statements: dict[str, Path], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Forge copies of files, one thing at a time."""
    # A dearer award in the child's own journal is not the one that the parent signed.
    forged = copied(places["north"].folder, folder / "award")
    rewrite(forged, '"kind":"award"', lambda award: [*award[:5], award[5] + 1_000, *award[6:]])
    assert "forged-word" in audit(forged, capsys)
    # A run that pays more, with signatures that were given to another.
    forged = copied(places["city"].folder, folder / "run")
    rewrite(forged, '"kind":"run"', lambda run: [*run[:7], run[7] - 10**6, *run[8:]])
    assert {"forged-run", "wrong-link-run"} <= set(audit(forged, capsys))
    # The same run once more under the next number.
    forged = copied(places["city"].folder, folder / "replayed")
    rewrite(forged, '"kind":"run"', lambda run: [run[0], run[1] + 2, *run[2:]])
    assert {"forged-run", "word-gap"} <= set(audit(forged, capsys))
    # A reading of the link that hides what it owes.
    forged = copied(places["north"].folder, folder / "reading")
    with sqlite3.connect(forged / "node.sqlite") as tables:
        tables.execute(f"UPDATE readingrow SET import_wh = 0 WHERE interval = {AFTER}")
    tables.close()
    assert audit(forged, capsys) == ["wrong-link-reading"]
    # Statements of the other end that were changed.
    for changes, breach in (
        ({"digest": "0x" + "11" * 32}, "different-award"),
        ({"outcome": 2}, "different-decision"),
    ):
        stated = json.loads(statements["city"].read_text())
        for link in stated["links"]:
            link["awards"][0] |= changes
        assert audit(places["north"].folder, capsys, "--against", str(written(folder, stated))) == [breach]
    stated = json.loads(statements["city"].read_text())
    for link in stated["links"]:
        link["made"] = link["made"][:1]
    assert audit(places["north"].folder, capsys, "--against", str(written(folder, stated))) == ["different-run"]
    stated = json.loads(statements["north"].read_text()) | {"exports": []}
    assert audit(places["south"].folder, capsys, "--against", str(written(folder, stated))) == ["never-exported"]
    assert (
        resilia(["audit", "border", "--dir", str(places["south"].folder), "--against", str(folder / "password")]) == 2
    )


def copied(source: Path, target: Path) -> Path:
    return Path(shutil.copytree(source, target, ignore=shutil.ignore_patterns("streams", "chain")))


def written(folder: Path, statement: dict[str, Any]) -> Path:
    path = folder / "forged.statement"
    path.write_text(json.dumps(statement))
    return path


def rewrite(folder: Path, wanted: str, change: Any) -> None:
    """Change the first record of a kind that the links' journal has, and chain the journal anew."""
    path, seed = folder / "links" / "journal.log", Community.load(folder / "community.json").digest()
    commands = [json.loads(each) for each in replay(path, seed)[1]]
    command = next(each for each in commands if wanted in str(each.get("data", "")))
    message = json.loads(command["data"])
    message["records"][0] = change(message["records"][0])
    command["data"] = json.dumps(message, sort_keys=True, separators=(",", ":"))
    path.unlink()

    async def write() -> None:
        log = AppendLog(path, seed)
        for each in commands:
            log.append(json.dumps(each).encode())
        await log.close()

    asyncio.run(write())
