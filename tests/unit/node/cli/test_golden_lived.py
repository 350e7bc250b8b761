"""What ``--json`` prints of commands on the folder of a node that has lived, and of those that end with Ctrl-C.

After a change that is meant: ``GOLDEN=write pytest tests/unit/node/cli/test_golden_lived.py``, and a look at it.
"""

import asyncio
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from eth_account import Account

from node.chain.datadir import init_chain
from node.chain.genesis import GENESIS_FILE, Genesis
from node.chain.role import become_follower
from node.cli.main import main
from node.rpc.link_schemas import EXPORT_EXAMPLE
from oracles.evidence_file import to_document
from tests.support import small_node
from tests.support.evidence import make_evidence
from tests.support.golden import VECTORS, hold_to, masked
from tests.support.proposals import proposal
from tests.support.real_node import FIRST, LENGTH_S, found, hear, homes_of, running, trade
from tests.support.rpc_server import serving
from tests.support.small_node import MEMBER, MEMBER_KEY
from tests.support.speaking_meter import speaking_sml

SOURCES: Final = Path(__file__).parents[4] / "node" / "cli"
GATEWAY: Final = "0x" + "9a" * 20
NEWCOMER: Final = "0x49052147f5d97a723debdf07680fffadad29a5dc"
SAID: Final = "--label H02 --author Ada --reason asked --dir lived"
PRICE: Final = 100_000
"""Of the trade, µ€/kWh: both limits."""
GOING_ON: Final = ("chain follow copy --from {url} --rpc-port 0", "meter simulate sml")
BESIDES: Final = {"border-audit", "dispatch-status", "doctor", "oracle", "oracle-facts"}
"""Held by tests of a border, of a home's agent, of a machine's health, and of an oracle."""
COMMANDS: Final[Mapping[str, int]] = {
    "version": 0,
    "market flags": 0,
    "coop propose registry admitMember {newcomer} --why neighbour {key}": 0,
    "coop propose registry nothing {key}": 2,
    "coop queue 0x08 {key}": 0,
    "coop queue 0x09 {key}": 1,
    "coop execute 0x09 {key}": 0,
    "cert export 1 --to city --recipient {newcomer} {key}": 0,
    "dispute export 1 --dir lived": 0,
    "dispute check honest.json": 0,
    "dispute check fraud.json": 3,
    "dispute open honest.json {key}": 1,
    "dispute open fraud.json {key}": 0,
    "dispute watch --dir lived --once {key}": 0,
    "audit market --dir lived": 0,
    "market compare --dir lived": 0,
    f"privacy disclose --from 2025-07-01T14:00 --to 2025-07-01T14:15 {SAID}": 0,
    "privacy check disclosed.json": 0,
    "privacy check false.json": 1,
    f"privacy erase --before 2025-07 {SAID}": 0,
    f"meter correct --interval 2025-07-01T14:00 --imported 1Wh --exported 0Wh {SAID}": 0,
    f"meter clear {SAID}": 0,
    "meter watch {meter} --count 1": 0,
    "key hold member.json --dir lived --password-file password": 0,
    "dispatch plan site.json": 0,
    "dispatch explain site.json": 0,
    "dispatch simulate site.json": 0,
    "dispatch pareto site.json": 0,
    "dispatch status --dir lived": 1,
    "chain prune --dir lived": 0,
    "chain hand-over --dir lived": 0,
    "chain take-over --dir follower --sealer-is-gone": 78,
    "chain take-over --dir lived --last-block {headHash} --records {records}": 0,
}
"""Command lines in their sequence, with their exit codes."""


def answers() -> dict[str, Any]:
    """Return what a node answers that takes whatever is signed, and whose chain believes what is proven."""
    registry, made = small_node.CONTRACTS["registry"], small_node.NOW
    waiting = {"state": "queued", "executableAt": made}
    left = {"address": GATEWAY, "topics": ["0x" + "00" * 32, "0x" + "00" * 32, "0x" + f"{1:064x}"], "data": "0x"}
    return {
        "energy_getStatus": small_node.status() | {"contracts": small_node.CONTRACTS | {"gateway": GATEWAY}},
        "energy_getTrades": small_node.page(small_node.trade(0, 1, 2)),
        "energy_getProposals": [
            proposal("0x08", MEMBER, registry, made, state="succeeded"),
            proposal("0x09", MEMBER, registry, made, **waiting),
        ],
        "energy_getEvidence": to_document(make_evidence()),
        "energy_getCrossings": [],
        "energy_getExport": EXPORT_EXAMPLE,
        "eth_call": "0x" + "00" * 31 + "01",
        "eth_chainId": "0x1",
        "eth_getTransactionCount": "0x0",
        "eth_estimateGas": "0x5208",
        "eth_gasPrice": "0x1",
        "eth_sendRawTransaction": "0x" + "7e" * 32,
        "eth_getTransactionReceipt": {"status": "0x1", "logs": [left]},
    }


async def live(folder: Path) -> None:
    """Live one run, in which two homes trade."""
    with homes_of(folder) as homes:
        async with running(folder, FIRST - 1_200) as node:
            await node.tick()
            await trade(node, homes, "H01", "H02", 400, FIRST)
            await hear(node, homes, FIRST)
            homes.use("H01", export_wh=500)
            homes.use("H02", import_wh=350)
            for step in (1, 2):
                await hear(node, homes, FIRST + step * LENGTH_S)


def prepare(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Put into a folder what the commands take."""
    (folder / "password").write_text("p\n")
    (folder / "member.json").write_text(json.dumps(Account.encrypt(MEMBER_KEY, "p", kdf="pbkdf2", iterations=1)))
    found(folder / "lived")
    asyncio.run(live(folder / "lived"))
    genesis = Genesis.from_json((folder / "lived" / "chain" / GENESIS_FILE).read_text())
    init_chain(folder / "follower" / "chain", genesis)
    become_follower(folder / "follower" / "chain", "http://127.0.0.1:9")

    (folder / "site.json").write_text(json.dumps(site()))
    assert main(["dispute", "export", "1", "--dir", str(folder / "lived"), "-o", str(folder / "honest.json")]) == 0
    opened = json.loads((folder / "honest.json").read_text())
    (sold,) = opened["trades"]
    sold["values"] = [200_000 if value == PRICE else value for value in sold["values"]]
    (folder / "fraud.json").write_text(json.dumps(opened))
    capsys.readouterr()


def site() -> dict[str, Any]:
    """Return a home with a battery, and its coming four days."""
    return {
        "schema": "resilia/site/1",
        "time_zone": "Europe/Paris",
        "start": FIRST,
        "interval_s": 3_600,
        "load_wh": ([400] * 18 + [1_200] * 6) * 4,
        "pv_wh": ([0] * 8 + [2_000] * 8 + [0] * 8) * 4,
        "import_ueur_per_kwh": ([200_000] * 18 + [400_000] * 6) * 4,
        "export_ueur_per_kwh": [60_000] * 96,
        "carbon_g_per_kwh": ([30] * 12 + [90] * 12) * 4,
        "devices": [{"name": "battery", "kind": "lithium", "values": {"capacity_kwh": 6.4}}],
    }


def documents_in(text: str) -> list[Any]:
    """Return the documents that a command printed, on one line each or on many."""
    found, at = [], 0
    while at < len(text):
        document, end = json.JSONDecoder().raw_decode(text, at)
        found.append(document)
        at = end + 1
    return found


def keep(folder: Path, command: str, told: list[Any]) -> None:
    """Put what a command printed where the next ones look for it."""
    if command.startswith("privacy disclose"):
        (folder / "disclosed.json").write_text(text := json.dumps(told[0]))
        (folder / "false.json").write_text(text.replace("350", "351"))


def without_figures(value: Any) -> Any:
    """Return what the names and kinds in a plan are; its figures are the solver's."""
    if isinstance(value, dict):
        return {name: without_figures(each) for name, each in value.items()}
    if isinstance(value, list):
        return [without_figures(each) for each in value[:1]]
    return value if isinstance(value, str) or value is None else f"<{type(value).__name__}>"


def test_every_document_on_a_lived_folder_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path, capsys)
    places = {"newcomer": NEWCOMER, "key": "--key member.json --password-file password"}
    codes, documents = {}, {}
    with serving(answers()) as server, speaking_sml() as meter:
        for command in COMMANDS:
            words = command.format(meter=meter, **places).split()
            codes[command] = main([*words, "--json", "--rpc", server.url])
            told = documents_in(capsys.readouterr().out)
            keep(tmp_path, command, told)
            if command.startswith("chain hand-over"):
                places |= told[0]
            documents[command] = masked(without_figures(told) if "dispatch" in command else told, tmp_path)
    assert {command: documents[command] for command, code in COMMANDS.items() if codes[command] != code} == {}
    hold_to("cli_json_lived.json", documents)


def test_every_document_of_commands_that_go_on_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", "street", "--yes"]) == 0
    capsys.readouterr()
    documents = {}
    with beginning("node --dir street --rpc-port 0 --web-port 0") as node:
        documents["node"] = [node]
        for command in GOING_ON:
            with beginning(command.format(url=node["rpcUrl"])) as told:
                documents[command] = [told]
    hold_to("cli_json_going_on.json", masked(documents, tmp_path))


@contextmanager
def beginning(command: str) -> Iterator[Any]:
    """Run a command until the block ends, as Ctrl-C would end it; give its first document."""
    words = [sys.executable, "-m", "node.cli.main", *command.split(), "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)


def test_every_schema_is_kept() -> None:
    printed = {
        name
        for source in SOURCES.glob("*.py")
        for name in re.findall(r'print_json\(\s*"([a-z-]+)"', source.read_text())
    }
    kept = "".join(each.read_text() for each in VECTORS.glob("cli_json*.json"))
    assert {name for name in printed if f'"resilia/{name}/' not in kept} == BESIDES
