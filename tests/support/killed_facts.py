"""Prices, carbon and weather of a node that is killed: sources that change with each round, and what must hold of them.

Prices and carbon are the same again for a node that comes back in the same round. The thermometer is not: it says
something else after each start, by more than honest sources differ, so that a key that signed before it died is asked
for another series of the same round.
"""

import json
from pathlib import Path
from typing import Any

from node.app import Node
from node.coop.decided import Role
from node.storage import readings_log
from node.storage.readings_log import SignedFacts
from oracles.facts import facts_hash
from oracles.signatures import recover
from oracles.typed_data import digest
from tests.support.real_node import FIRST, LENGTH_S

TOLD, LIVES = "told.jsonl", "lives"
_SERIES = (("import_price_ueur_per_kwh", "FR"), ("carbon_g_per_kwh", "FR"), ("temp_millic", "home"))
_STEADY = [kind for kind, _ in _SERIES[:2]]


def ask_for_facts(folder: Path) -> None:
    """Let a node of this folder want three series, each from a file of its own."""
    (folder / "facts.toml").write_text(
        f"every_s = {LENGTH_S}\nahead_h = 1\n"
        + "".join(
            f'[series.{kind}]\nkind = "{kind}"\nplace = "{place}"\nstep_s = {LENGTH_S}\nsource = "file:{kind}.json"\n'
            for kind, place in _SERIES
        )
    )


def say(folder: Path, *values: int) -> None:
    """Let the sources say values from now on: of price, carbon and temperature."""
    for (kind, _), value in zip(_SERIES, values, strict=True):
        points = [{"at": FIRST + place * LENGTH_S, "value": value + place} for place in range(-4, 12)]
        (folder / f"{kind}.json").write_text(json.dumps(points))


def begin_life(folder: Path) -> None:
    """Count a start of the node."""
    with open(folder / LIVES, "ab") as file:
        file.write(b".")


async def agree(node: Node, folder: Path, turn: int) -> None:
    """Let the sources say what is known in a turn, and the oracles agree on it; keep outside what was acknowledged."""
    say(folder, 100_000 + 500 * turn, 30 + turn, 5_000 * (folder / LIVES).stat().st_size)
    node.facts.sources.read_files()
    await node.facts.step(node.clock.now())
    with open(folder / TOLD, "a") as file:
        file.write(json.dumps(node.known_facts()) + "\n")


def facts_of(node: Node, folder: Path) -> list[Any]:
    """Hold the log against what was ever acknowledged; return what is known of what does not change with the lives."""
    records = map(readings_log.decode, node._readings.records())
    signed = [record for record in records if isinstance(record, SignedFacts) and record.signatures]
    oracles = {guard.address for guard in node._signing.oracles()}
    for each in signed:
        signers = {recover(digest(node.readings_domain, facts_hash(each.facts)), one) for one in each.signatures}
        assert signers <= oracles
        assert len(signers) == len(each.signatures) >= node.council.quorum(Role.ORACLE)
    logged = {(each.facts.kind, each.facts.known_at): each for each in signed}
    assert len(logged) == len(signed), "two series of a kind in one round"
    for line in (folder / TOLD).read_text().splitlines():
        for told in json.loads(line):
            kept = logged[told["kind"], told["knownAt"]]
            assert list(kept.facts.values) == told["values"], "what was acknowledged is another one"
            assert ["0x" + one.hex() for one in kept.signatures] == told["signatures"]
    known = {each["kind"]: each for each in node.known_facts()}
    assert set(known) == {kind for kind, _ in _SERIES}
    return [[kind, known[kind]["knownAt"], known[kind]["values"]] for kind in _STEADY]
