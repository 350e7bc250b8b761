"""What ``--json`` prints of commands that write, kept as `test_golden` keeps what commands that read print.

Keys, hashes and places are new each time: words of `tests.support.golden` stand for them.
After a change that is meant: ``GOLDEN=write pytest tests/unit/node/cli/test_golden_writing.py``, and a look at it.
"""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from eth_account import Account

from energy.identity import Address, Digest
from interconnect.terms import Attestors
from node.cli.main import main
from node.interconnect.agreement import Card
from node.interconnect.links import Links
from tests.support import small_node
from tests.support.golden import hold_to, masked
from tests.support.order_taker import SmallNode
from tests.support.proposals import proposal
from tests.support.real_node import FIRST, found, running
from tests.support.rpc_server import serving
from tests.support.small_node import MEMBER, MEMBER_KEY
from tests.support.speaking_meter import speaking_sml

MEMBERS: Final = "label,serial,meter_source\nAda,1,csv:meters.csv\n"
NEWCOMER: Final = "0x49052147f5d97a723debdf07680fffadad29a5dc"

COMMANDS: Final[Mapping[str, int]] = {
    "key new alice --password-file password": 0,
    "key new alice --password-file password again": 2,
    "init street --yes --tz Europe/Paris --link street": 0,
    "init street --yes": 2,
    "init other --yes --members nothing.csv": 2,
    "init other --yes --tariffs nothing.csv": 2,
    "member admit {newcomer} --dir street --label Nina --meter linky:/dev/ttyUSB1 --serial 041761000004": 0,
    "backup create first --dir street": 0,
    "backup create copy --dir lived --with-keys": 0,
    "backup verify copy": 0,
    "backup verify cut": 3,
    "backup verify nothing": 2,
    "backup restore nothing --dir again": 2,
    "backup restore copy --dir again": 0,
    "chain verify --dir lived": 0,
    "service install --dir street": 0,
    "link card --dir north": 0,
    "link add north.card --dir city --fee 5000 --hub city:7422": 0,
    "link add city.terms --dir north": 0,
    "link card --dir south": 0,
    "link trust south.card --dir north": 0,
    "link list --dir north": 0,
    "meter pair {meter} --members members.csv --label Ada --yes": 0,
    "order place sell 500Wh --min 9ct {key}": 0,
    "order cancel 0x007f3a {key}": 0,
    "market halt {key}": 0,
    "market resume {key}": 0,
    "cert claim 3 --from city {key}": 0,
    "coop vote 0x07 for {key}": 0,
    "coop terms street/tariffs.csv": 0,
}
"""Command lines in their sequence, with their exit codes."""
KEPT: Final = {
    "link card --dir north": "north.card",
    "link card --dir south": "south.card",
    "link add north.card --dir": "city.terms",
}
"""By the beginning of a command: the file in which the next ones look for what it printed."""


def answers() -> dict[str, Any]:
    """Return what a node answers that takes all that a member signs."""
    node = SmallNode()

    def turn(switch: dict[str, Any], signature: str) -> dict[str, Any]:
        flags = {"haltedByMember": switch["halted"], "haltedByOperator": False, "cancelledOrders": 3}
        return {"account": switch["account"], **flags, "sequence": 7, "journalHash": "0x" + "4a" * 32}

    return node.answers() | {
        "energy_getStatus": small_node.status() | {"contracts": small_node.CONTRACTS | {"gateway": "0x" + "9a" * 20}},
        "energy_getOrders": small_node.page(small_node.order(0x7F3A12, "sell", status="resting")),
        "energy_haltAccount": turn,
        "energy_getCrossings": [small_node.crossing()],
        "energy_getProposals": [proposal("0x07", MEMBER, small_node.CONTRACTS["registry"], small_node.NOW)],
        "eth_chainId": "0x1",
        "eth_getTransactionCount": "0x0",
        "eth_estimateGas": "0x5208",
        "eth_gasPrice": "0x1",
        "eth_sendRawTransaction": "0x" + "7e" * 32,
        "eth_getTransactionReceipt": {"status": "0x1"},
    }


def prepare(folder: Path) -> None:
    """Put into a folder what the commands take."""
    (folder / "password").write_text("p\n")
    (folder / "member.json").write_text(json.dumps(Account.encrypt(MEMBER_KEY, "p", kdf="pbkdf2", iterations=1)))
    found(folder / "lived")
    asyncio.run(live(folder / "lived"))
    (folder / "members.csv").write_text(MEMBERS)
    for number, name in enumerate(("city", "north", "south"), 1):
        keys = tuple(Address(bytes([number, each]) * 10) for each in (1, 2, 3))
        card = Card(
            name, Digest(bytes([number]) * 32), keys[0], Attestors(keys, 2), interval_length_s=900,
            tick_ueur_per_kwh=1_000,
        )  # fmt: skip
        (folder / name).mkdir()
        Links.create(folder / name, card)


async def live(folder: Path) -> None:
    """Start a node once."""
    async with running(folder, FIRST - 1_200):
        pass


def keep(folder: Path, command: str, document: Any) -> None:
    """Put what a command printed where the next ones look for it."""
    if file := KEPT.get(" ".join(command.split()[:4])):
        (folder / file).write_text(json.dumps(document))
    if command.startswith("backup create") and (folder / "copy").exists():
        whole = (folder / "copy").read_bytes()
        (folder / "cut").write_bytes(whole[: len(whole) // 2])


def test_every_document_of_commands_that_write_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    prepare(tmp_path)
    places = {"newcomer": NEWCOMER, "key": "--key member.json --password-file password"}
    codes, documents = {}, {}
    with serving(answers()) as server, speaking_sml() as meter:
        for command in COMMANDS:
            codes[command] = main([*command.format(meter=meter, **places).split(), "--json", "--rpc", server.url])
            printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
            keep(tmp_path, command, printed[0])
            documents[command] = masked(printed, tmp_path)
    assert {command: documents[command] for command, code in COMMANDS.items() if codes[command] != code} == {}
    hold_to("cli_json_writing.json", documents)
