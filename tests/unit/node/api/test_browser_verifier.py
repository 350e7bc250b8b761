"""The page's own verifier of evidence finds what `oracles.evidence` finds, link by link, good or broken."""

import json
import random
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from energy.identity import Address, hex_text
from node.api.rendering import FOLDER
from oracles.evidence import Link, LinkName, verify_text
from oracles.evidence_file import to_document
from oracles.evidence_links import Fault
from tests.support.evidence import make_evidence, sealer

EVIDENCE = make_evidence()
GOOD = to_document(EVIDENCE)
RUNNER = Path(__file__).parents[3] / "support" / "verify_evidence.mjs"
Found = list[tuple[str, str | None, dict[str, str]]]


def in_javascript(texts: Sequence[str], trusted: dict[str, str] | None = None) -> list[Found]:
    lines = "\n".join(json.dumps({"text": text, "trusted": trusted or {}}) for text in texts)
    verifier = FOLDER / "static" / "evidence" / "verify.mjs"
    ended = subprocess.run(
        ["node", RUNNER, verifier], input=lines, capture_output=True, text=True, check=False, timeout=120
    )
    assert ended.stderr == ""
    answers: list[list[dict[str, Any]]] = [json.loads(line) for line in ended.stdout.splitlines()]
    return [
        [(link["name"], link["fault"], {key: str(fact) for key, fact in link["facts"].items()}) for link in links]
        for links in answers
    ]


def told(links: Sequence[Link]) -> Found:
    return [
        (link.name, link.fault.name if link.fault else None, {key: str(fact) for key, fact in link.facts.items()})
        for link in links
    ]


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every single value of a document."""
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*path, key))
    else:
        yield path


def changed(path: tuple[Any, ...], chance: random.Random) -> str:
    """Return the good file with one digit changed at a place."""
    document = json.loads(json.dumps(GOOD))
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    value = holder[path[-1]]
    if isinstance(value, int):
        holder[path[-1]] = value + chance.choice((-1, 1, 900))
    else:
        place = chance.randrange(min(2, len(value) - 1), len(value))
        digit = chance.choice([each for each in "0123456789abcdef" if each != value[place]])
        holder[path[-1]] = value[:place] + digit + value[place + 1 :]
    return json.dumps(document)


def test_good_evidence_holds_with_the_facts_that_the_node_names() -> None:
    documents = [EVIDENCE, make_evidence(typed_receipts=False), make_evidence(same_block=True)]
    texts = [json.dumps(to_document(evidence)) for evidence in documents]
    found = in_javascript(texts)
    assert found == [told(verify_text(text.encode())) for text in texts]
    assert [name for name, fault, _ in found[0] if fault is None] == list(LinkName)


def test_one_digit_changed_anywhere_breaks_the_same_links_with_the_same_facts() -> None:
    chance = random.Random(8)
    texts = [changed(path, chance) for path in leaves(GOOD) if path != ("schema",)]
    assert len(texts) > 80
    for text, found in zip(texts, in_javascript(texts), strict=True):
        assert found == told(verify_text(text.encode()))
        assert any(fault for _, fault, _ in found)


def test_it_believes_the_sealer_and_the_block_that_the_reader_trusts() -> None:
    text, stranger = json.dumps(GOOD), Address(b"\x01" * 20)
    for trusted_sealer, block in [
        (sealer(), EVIDENCE.settled_in.block_hash),
        (stranger, EVIDENCE.attested_in.block_hash),
    ]:
        trusted = {"sealer": hex_text(trusted_sealer), "blockHash": hex_text(block)}
        expected = verify_text(text.encode(), trusted_sealer=trusted_sealer, trusted_block_hash=block)
        assert in_javascript([text], trusted) == [told(expected)]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", Fault.NOT_JSON),
        ("[]", Fault.NOT_AN_OBJECT),
        ("{}", Fault.OTHER_SCHEMA),
        (json.dumps(GOOD | {"more": 1}), Fault.WRONG_KEYS),
        (json.dumps({key: value for key, value in GOOD.items() if key != "run"}), Fault.WRONG_KEYS),
        (json.dumps(GOOD | {"runSignatures": {}}), Fault.NOT_A_LIST),
        (json.dumps(GOOD | {"chainId": -1}), Fault.NOT_AN_INTEGER),
        (json.dumps(GOOD).replace('"number": 42', '"number": 42.0'), Fault.NOT_AN_INTEGER),
        (json.dumps(GOOD).replace('"number": 42', '"number": 41, "number": 42'), Fault.REPEATED_KEY),
        (json.dumps(GOOD).replace("0x", "0X"), Fault.NOT_BYTES),
        (json.dumps(GOOD) + " " * (1 << 20), Fault.TOO_LARGE),
    ],
)
def test_what_is_no_evidence_is_refused_for_the_same_reason(text: str, fault: Fault) -> None:
    (found,) = in_javascript([text])
    assert [(name, broken) for name, broken, _ in found] == [("schema", fault.name)]
    assert [link.fault for link in verify_text(text.encode())] == [fault]
