"""A member's past is erased: its leaves mean nothing any more, and whatever proves something of others still does.

The community lives over the end of a month. H01 only draws; H02 gives in three intervals, and sells to H01 in one; H03
on its line does a bit of both.
"""

import asyncio
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, col, select

from energy.errors import Misconfigured
from energy.identity import Digest, hex_text
from metering.readings import Reading
from node.app import Node
from node.audit.auditing import AuditRequest, audit_market
from node.chain.role import await_standby
from node.clock import SimulatedClock
from node.coop.community import Community
from node.coop.tariffs import TariffSchedule
from node.privacy.disclosing import disclose
from node.privacy.erasing import Erasing
from node.privacy.erasures_file import ASKED, Erasure, pending, write_down
from node.privacy.salt_files import load_salts
from node.readings.rows import reading_of, reading_salt
from node.settlement.opened_runs import read_opened
from node.storage.database import open_database
from node.storage.log import AppendLog
from node.storage.models import CertificateRow, EntryRow, ErasedLeaf, ReadingRow, RunRow
from node.storage.projection import Projection
from oracles.evidence import verify
from oracles.guard_store import GuardStore
from oracles.merkle import leaf, salt
from oracles.salts import Erased, month_of, month_start
from oracles.typed_data import reading_hash
from tests.support.real_node import KEYS, LENGTH_S, TARIFF, copy_of, found, hear, homes_of, trade

BEFORE = month_start(2025 * 12 + 7)
FIRST = BEFORE - 14 * LENGTH_S
LAST = BEFORE + LENGTH_S
LATER = BEFORE + 80 * 86_400
ERASURE = Erasure(LATER, "H01", BEFORE, "Ada", "H01 asked")
SALTS = Path("keys") / "salts"


def _found(folder: Path) -> None:
    tariffs = [(FIRST - FIRST % 86_400, *TARIFF, 50)]
    found(folder, first_interval=FIRST, founded_at=FIRST - 3_600, tariffs=tariffs)


async def _live(folder: Path) -> None:
    with homes_of(folder) as homes:
        node = await Node.open(folder, SimulatedClock(FIRST - 1_200), manual_time=True)
        try:
            await hear(node, homes, FIRST)
            for step, interval in enumerate(range(FIRST, LAST + LENGTH_S, LENGTH_S)):
                if step == 8:
                    await trade(node, homes, "H02", "H01", 60, interval + LENGTH_S)
                homes.use("H01", import_wh=101 + 13 * step)
                homes.use("H02", import_wh=10, export_wh=90 if step in (2, 9, 14) else 0)
                homes.use("H03", import_wh=3, export_wh=7)
                await hear(node, homes, interval + LENGTH_S)
        finally:
            await node.close()


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lived") / "node"
    _found(folder)
    asyncio.run(_live(folder))
    return folder


def _readings(folder: Path, label: str = "H01") -> dict[int, Reading]:
    engine = open_database(f"sqlite:///{folder / 'node.sqlite'}")
    with closing(_Disposed(engine)), Session(engine) as session:
        rows = session.exec(select(ReadingRow).where(col(ReadingRow.account) == hex_text(KEYS[label].address)))
        return {row.interval: reading_of(row, LENGTH_S) for row in rows}


class _Disposed:
    def __init__(self, engine: Any) -> None:
        self.close = engine.dispose


async def _shown(node: Node) -> dict[str, Any]:
    """Return whatever proves something, of all but H01's own past."""
    folder = node.folder
    with Session(node.projection.engine) as session:
        numbers = session.scalars(select(CertificateRow.number)).all()
        runs = session.scalars(select(RunRow.run_id)).all()
    evidence = [await node.evidence(number) for number in numbers]
    audit = audit_market(AuditRequest(folder))
    h01 = KEYS["H01"].address
    opened = {}
    for run in map(read_opened, [folder] * len(runs), runs):
        of_others = [each for each in run.entries if each.data("account") != h01]
        meter = next(each.meter for each in node.community.members if each.label == "H01")
        measured = [each for each in run.readings if each.data("meter") != meter]
        opened[run.run_id] = (run.orders, run.trades, of_others, run.certificates, measured)
    return {
        "evidence": evidence,
        "opened": opened,
        "audit": (audit.findings, audit.runs),
        "H02": disclose(folder, "H02", FIRST, LAST + LENGTH_S),
        "since": disclose(folder, "H01", BEFORE, LAST + LENGTH_S),
    }


@contextmanager
def _closed(folder: Path) -> Iterator[Erasing]:
    """Give what erases, on the folder of a node that does not run."""
    community = Community.load(folder / "community.json")
    with ExitStack() as stack:
        engine = open_database(f"sqlite:///{folder / 'node.sqlite'}")
        stack.callback(engine.dispose)
        guards = []
        for name in sorted(path.stem for path in (folder / "guards").glob("oracle-*.signed")):
            guards.append(GuardStore(folder / "guards" / f"{name}.signed", _address(folder, name)))
            stack.callback(guards[-1].close)
        log = AppendLog(folder / "readings.log", community.digest())
        stack.callback(lambda: asyncio.run(log.close()))
        projection = Projection(engine, TariffSchedule.load(folder / "tariffs.csv"))
        salts = load_salts(folder / SALTS, community.salt_subjects())
        yield Erasing(folder, community, projection, salts, log, guards, None)  # type: ignore[arg-type]


def _address(folder: Path, role: str) -> Any:
    from node.signing.keys import load_keys

    return load_keys(folder / "keys")[role].address


async def _erase(folder: Path, change: Callable[[Node], Any] | None = None) -> tuple[Any, dict[str, Any], Any]:
    with homes_of(folder):
        node = await Node.open(folder, SimulatedClock(LATER), manual_time=True)
        try:
            before = await _shown(node)
            done = await node.erasing.erase(ERASURE)
            return done, before, await _shown(node)
        finally:
            await node.close()


def test_what_is_erased_proves_nothing_and_all_else_proves_what_it_did(lived: Path, tmp_path: Path) -> None:
    folder = copy_of(lived, tmp_path / "node")
    known = _readings(folder)
    assert len(known) == 16
    salts = load_salts(folder / SALTS, [known[FIRST].meter])
    their_salts = {at: reading_salt(salts, each.meter, at) for at, each in known.items()}
    done, before, after = asyncio.run(_erase(folder))
    assert (done.readings, done.kept) == (14, 0)
    assert before == after
    assert len(before["evidence"]) > 16
    for document in after["evidence"]:
        assert all(link.ok for link in verify(document))
    assert not before["audit"][0]
    assert before["audit"][1] == 8, "all runs are computed anew"
    assert not disclose(folder, "H01", FIRST, BEFORE).opened
    assert [each.reading.interval for each in after["since"].opened] == [BEFORE, LAST]
    assert all(each.holds for each in (*after["since"].opened, *after["H02"].opened))
    assert len(after["H02"].opened) == 16
    # On disk there is neither the reading, nor its salt, nor the hash that has no salt, but for the last one's, which
    # the next reading names.
    on_disk = _everything(folder)
    for at, each in known.items():
        if at < BEFORE:
            secrets: list[bytes] = [their_salts[at], *([] if at == BEFORE - LENGTH_S else [reading_hash(each)])]
            assert not any(secret in on_disk or secret.hex().encode() in on_disk for secret in secrets), at
            assert str(each.import_index_wh).encode() not in on_disk or at == BEFORE - LENGTH_S
    leaves = [leaf(reading_hash(each), their_salts[at]) for at, each in known.items() if at < BEFORE]
    assert all(each.hex().encode() in on_disk for each in leaves), "others' proofs stand beside them"
    # With all but the energy known, and every secret that is left, nobody finds it by trying.
    left = load_salts(folder / SALTS, Community.load(folder / "community.json").salt_subjects())
    keys = [left._key(subject, month_of(BEFORE)) for subject in left.subjects] + list(left._kept.values())
    for at in range(FIRST, BEFORE, LENGTH_S):
        with pytest.raises(Erased):
            reading_salt(left, known[at].meter, at)
    target, each = leaves[4], known[FIRST + 4 * LENGTH_S]
    tried = {hex_text(key): salt(key, each.meter, b"reading", each.interval) for key in keys}
    for key in keys:
        for guess in (Digest(key), tried[hex_text(key)], salt(key, b"reading", each.meter, each.interval)):
            assert leaf(reading_hash(each), guess) != target


def _everything(folder: Path) -> bytes:
    """Return all bytes of a node's folder but those of the meters' own files, which are not the node's."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and "meters" not in path.parts)
    return b"".join(path.read_bytes() for path in files)


def test_a_statement_keeps_the_sum_of_each_run_and_the_next_lines(lived: Path, tmp_path: Path) -> None:
    folder = copy_of(lived, tmp_path / "node")
    engine = open_database(f"sqlite:///{folder / 'node.sqlite'}")
    own = select(EntryRow).where(col(EntryRow.account) == hex_text(KEYS["H01"].address))
    with closing(_Disposed(engine)), Session(engine) as session:
        sums: dict[int, int] = {}
        for row in session.exec(own):
            sums[row.run_id] = sums.get(row.run_id, 0) + row.amount_neur
    write_down(folder, ERASURE, ASKED)
    with _closed(folder) as erasing:
        asyncio.run(erasing.finish())
        with Session(erasing._projection.engine) as session:
            rows = session.exec(own.order_by(col(EntryRow.sequence))).all()
    assert {row.run_id: row.amount_neur for row in rows if row.kind == "erased"} == {
        run: amount for run, amount in sums.items() if run <= 7
    }
    assert {row.run_id for row in rows if row.kind != "erased"} == {8}


def test_readings_under_certificates_stay_and_short_stretches_between_them(lived: Path, tmp_path: Path) -> None:
    folder = copy_of(lived, tmp_path / "node")
    write_down(folder, Erasure(LATER, "H02", BEFORE, "Ada", "asked"), ASKED)
    with _closed(folder) as erasing:
        asyncio.run(erasing.finish())
    # Intervals 2 and 9 of the fourteen bear certificates: no stretch between has twelve.
    assert len(_readings(folder, "H02")) == 16
    assert all(each.holds for each in disclose(folder, "H02", FIRST, BEFORE).opened)


def test_a_node_goes_on_after_an_erasure_and_others_can_be_erased_as_well(lived: Path, tmp_path: Path) -> None:
    folder = copy_of(lived, tmp_path / "node")

    async def go_on() -> None:
        with homes_of(folder) as homes:
            homes.registers = {"H01": [1_004_000, 500_000], "H02": [2_001_000, 501_000], "H03": [3_001_000, 501_000]}
            node = await Node.open(folder, SimulatedClock(LAST + LENGTH_S), manual_time=True)
            try:
                await hear(node, homes, LAST + 2 * LENGTH_S)
                report = await hear(node, homes, LAST + 3 * LENGTH_S)
                assert [run.run_id for run in report.settled] == [9]
            finally:
                await node.close()

    for label in ("H01", "H02", "H03"):
        write_down(folder, Erasure(LATER, label, BEFORE, "Ada", "asked"), ASKED)
    asyncio.run(go_on())
    assert not pending(folder)
    assert len(_readings(folder)) == 4


@pytest.mark.parametrize(
    ("erasure", "why"),
    [
        (Erasure(BEFORE + 44 * 86_400, "H01", BEFORE, "Ada", "asked"), "45 days"),
        (Erasure(LATER, "H09", BEFORE, "Ada", "asked"), "no member is called H09"),
        (Erasure(LATER + 86_400, "H01", month_start(2025 * 12 + 8), "Ada", "asked"), "disputed"),
    ],
)
def test_what_may_still_be_needed_is_not_erased(lived: Path, tmp_path: Path, erasure: Erasure, why: str) -> None:
    folder = copy_of(lived, tmp_path / "node")
    before = _everything(folder)
    with _closed(folder) as erasing, pytest.raises(Misconfigured, match=why):
        asyncio.run(erasing.erase(erasure))
    assert not pending(folder)
    assert _everything(folder) == before


def test_nothing_is_erased_that_a_standby_would_keep(lived: Path, tmp_path: Path) -> None:
    folder = copy_of(lived, tmp_path / "node")
    await_standby(folder / "chain")
    with _closed(folder) as erasing, pytest.raises(Misconfigured, match="the standby would keep"):
        asyncio.run(erasing.erase(Erasure(LATER, "H01", BEFORE, "Ada", "asked")))
    assert not pending(folder)


def test_a_kill_between_any_two_writes_comes_to_the_same_end(lived: Path, tmp_path: Path) -> None:
    write = tmp_path / "whole"
    copy_of(lived, write)
    write_down(write, ERASURE, ASKED)
    for name in ("end", "killed"):
        shutil.copytree(write, tmp_path / name, symlinks=True)
    with _closed(tmp_path / "end") as erasing:
        asyncio.run(erasing.finish())
    expected = _state(tmp_path / "end")
    place = 0
    while _killed_at(tmp_path / "killed", place := place + 1):
        with _closed(tmp_path / "killed") as erasing:
            asyncio.run(erasing.finish())
        assert _state(tmp_path / "killed") == expected, f"killed at step {place}"
        shutil.rmtree(tmp_path / "killed")
        shutil.copytree(write, tmp_path / "killed", symlinks=True)
    assert place > 25, "each write, before and after"


def _killed_at(folder: Path, place: int) -> bool:
    """Erase in a process of its own, and kill it before (odd) or after (even) a write; say whether it came so far."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            count, fsync = 0, os.fsync

            def counted(handle: Any) -> None:
                nonlocal count
                for is_done in (False, True):
                    if is_done:
                        fsync(handle)
                    count += 1
                    if count == place:
                        os.kill(os.getpid(), signal.SIGKILL)

            with _closed(folder) as erasing:
                os.fsync = counted  # type: ignore[assignment]
                asyncio.run(erasing.finish())
            code = 0
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code in (0, -signal.SIGKILL), code
    return code != 0


def _state(folder: Path) -> dict[str, Any]:
    files = [
        folder / "readings.log",
        folder / "erasures.csv",
        *(folder / "guards").iterdir(),
        *(folder / SALTS).iterdir(),
    ]
    engine = open_database(f"sqlite:///{folder / 'node.sqlite'}")
    with closing(_Disposed(engine)), Session(engine) as session:
        tables = {
            model.__name__: [row.model_dump() for row in session.exec(select(model))]
            for model in (ReadingRow, EntryRow, ErasedLeaf)
        }
    return {str(path.relative_to(folder)): path.read_bytes() for path in files if path.suffix != ".draft"} | tables
