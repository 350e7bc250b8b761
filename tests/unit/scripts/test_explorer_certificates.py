import json
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode

from oracles import evidence
from scripts.audit import ExitCode
from scripts.explorer_certificates import ATTESTED_TOPIC, coverage_faults, main, overlaps
from tests.support import small_node
from tests.support.rpc_server import serving
from tests.support.small_node import CONTRACTS, INTERVAL

CERTIFICATES = [
    small_node.certificate(1, 0, 412),
    small_node.certificate(2, 412, 500, owner=small_node.NEIGHBOUR),
    small_node.certificate(3, 0, 70, device=small_node.digest_text(2)),
]
SETTLED = small_node.interval(INTERVAL, status="settled", runId=3)


def attested_log(interval: int, export_wh: int) -> dict[str, Any]:
    data = encode(["bytes32", "uint64", "uint64", "bytes32"], [bytes(32), 1_000, export_wh, bytes(32)])
    return {
        "address": CONTRACTS["readings"],
        "topics": [ATTESTED_TOPIC, f"0x{interval:064x}"],
        "data": "0x" + data.hex(),
    }


def answers(certificates: list[dict[str, Any]], export_wh: int) -> dict[str, Any]:
    def logs(query: dict[str, Any]) -> list[dict[str, Any]]:
        assert query["address"] == CONTRACTS["readings"]
        return [attested_log(INTERVAL, export_wh)]

    return {
        "energy_getStatus": small_node.status(),
        "energy_getIntervals": small_node.page(SETTLED),
        "energy_getCertificates": small_node.page(*certificates),
        "energy_getEvidence": lambda number: {"number": number} if number < 9 else None,
        "eth_getLogs": logs,
    }


def test_looks_for_the_event_that_evidence_is_checked_against() -> None:
    assert bytes.fromhex(ATTESTED_TOPIC[2:]) == evidence.ATTESTED_TOPIC


def test_ranges_side_by_side_do_not_overlap() -> None:
    assert overlaps(CERTIFICATES) == []
    assert coverage_faults(CERTIFICATES, {INTERVAL: 570}, [INTERVAL]) == []


@pytest.mark.parametrize(
    ("from_wh", "to_wh", "fault"),
    [
        (411, 500, "certificates 1 and 2 overlap"),
        (0, 500, "overlap"),
        (100, 200, "certificates 1 and 2 overlap"),
        (412, 412, "certificate 2: its range [412, 412) is none"),
        (-1, 0, "certificate 2: its range"),
    ],
)
def test_ranges_that_overlap_or_are_empty_are_named(from_wh: int, to_wh: int, fault: str) -> None:
    forged = [CERTIFICATES[0], small_node.certificate(2, from_wh, to_wh), CERTIFICATES[2]]
    assert any(fault in each for each in overlaps(forged))


def test_an_overlap_behind_a_nested_range_is_found() -> None:
    ranges = [(0, 100), (10, 20), (50, 60)]
    nested = [small_node.certificate(number, *ends) for number, ends in enumerate(ranges)]
    assert [fault[:27] for fault in overlaps(nested)] == [
        "certificates 0 and 1 overlap"[:27],
        "certificates 0 and 2 overlap"[:27],
    ]


@pytest.mark.parametrize("exported_wh", [{INTERVAL: 569}, {INTERVAL: 571}, {}])
def test_certificates_must_cover_the_attested_export_exactly(exported_wh: dict[int, int]) -> None:
    (fault,) = coverage_faults(CERTIFICATES, exported_wh, [INTERVAL])
    assert fault.startswith("interval 2017-05-17T12:30:00Z: 570 Wh certified")


def test_a_settled_interval_without_certificates_must_have_exported_nothing() -> None:
    assert coverage_faults([], {INTERVAL: 0}, [INTERVAL]) == []
    assert coverage_faults([], {INTERVAL: 5}, [INTERVAL])


def test_lists_and_checks_against_the_chain(capsys: pytest.CaptureFixture[str]) -> None:
    with serving(answers(CERTIFICATES, 570)) as server:
        assert main(["--rpc", server.url, "--run", "3"]) == ExitCode.OK
        assert "3 certificates of 570 Wh" in capsys.readouterr().out
        assert main(["--rpc", server.url, "--json"]) == ExitCode.OK
        document = json.loads(capsys.readouterr().out)
        assert (document["schema"], document["faults"]) == ("resilia/explorer-certificates/1", [])
    with serving(answers(CERTIFICATES, 571)) as server:
        assert main(["--rpc", server.url]) == ExitCode.DOES_NOT_HOLD
        assert "571 Wh attested on the chain" in capsys.readouterr().err
    with serving(answers([], 570)) as server:
        assert main(["--rpc", server.url]) == ExitCode.DOES_NOT_HOLD


def test_the_certificates_of_one_owner_need_not_cover_everything() -> None:
    with serving(answers(CERTIFICATES[:1], 570)) as server:
        assert main(["--rpc", server.url, "--owner", small_node.MEMBER]) == ExitCode.OK


def test_downloads_the_evidence(tmp_path: Path) -> None:
    with serving(answers(CERTIFICATES, 570)) as server:
        assert main(["--rpc", server.url, "--download", str(tmp_path / "evidence")]) == ExitCode.OK
    found = sorted(path.name for path in (tmp_path / "evidence").iterdir())
    assert found == ["certificate-1.json", "certificate-2.json", "certificate-3.json"]
    assert json.loads((tmp_path / "evidence" / "certificate-2.json").read_text()) == {"number": 2}


def test_evidence_that_is_missing_is_a_failure(tmp_path: Path) -> None:
    with serving(answers([small_node.certificate(9, 0, 570)], 570)) as server:
        assert main(["--rpc", server.url, "--download", str(tmp_path)]) == ExitCode.FAILED
