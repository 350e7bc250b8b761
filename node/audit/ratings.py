"""What a node counted for and against its members, held against the runs and readings in its tables.

The journal says what was counted (`RateAccount`); a run's readings and its lines for energy that was not delivered or
not drawn say what was right. An account whose readings were erased can not be recognised in them any more.
Units: Wh, UTC epoch seconds. Refuses, as `Misconfigured`, a file that is no database of a node.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, col, select

from energy.errors import Misconfigured
from energy.identity import Address, address_from_hex, hex_text, meter_from_hex
from market.audit_findings import Breach, Finding
from market.commands import AdmitAccount, Command, RateAccount
from market.metered import Metered, Source
from market.standing import FAILURES, Facts, facts_of
from metering.readings import is_final
from node.audit.tables import read_only
from node.coop.community import Community
from node.readings.rows import reading_of
from node.storage.models import EntryRow, ReadingRow, RunRow

RunFacts = Mapping[int, Mapping[Address, Facts]]
"""By run and account; accounts of which not every reading is there are left out."""


@dataclass(frozen=True, slots=True)
class Counted:
    """One account's rating for a run, and its place in the journal."""

    sequence: int
    command: RateAccount


def read_facts(path: Path, community: Community) -> RunFacts:
    """Return what each settled run says of each member; nothing when there is no such file.

    Raises:
        Misconfigured: it is no database of a node, or can not be read.
    """
    if not path.exists():
        return {}
    engine = read_only(path)
    try:
        with Session(engine) as session:
            session.connection().exec_driver_sql("BEGIN")
            runs = session.exec(select(RunRow)).all()
            return {run.run_id: _facts(session, run, community) for run in runs}
    except (SQLAlchemyError, ValueError) as error:
        raise Misconfigured(f"{path} can not be read as a node's tables: {error}") from error
    finally:
        engine.dispose()


def _facts(session: Session, run: RunRow, community: Community) -> dict[Address, Facts]:
    within = col(ReadingRow.interval).between(run.first_interval, run.last_interval)
    length_s = community.market.interval_length_s
    metered = [_metered(row, length_s) for row in session.exec(select(ReadingRow).where(within))]
    failed = (col(EntryRow.run_id) == run.run_id, col(EntryRow.kind).in_([kind.name.lower() for kind in FAILURES]))
    lines = [(address_from_hex(row.account), row.quantity_wh) for row in session.exec(select(EntryRow).where(*failed))]
    facts = facts_of(metered, [line for line in lines if line[0] != community.supplier])
    intervals = len(range(run.first_interval, run.last_interval + length_s, length_s))
    read = Counter(each.account for each in metered)
    whole = [each.account for each in community.members if read[each.account] == intervals]
    return {account: facts.get(account, Facts()) for account in whole}


def _metered(row: ReadingRow, length_s: int) -> Metered:
    final = is_final(reading_of(row, length_s))
    account, meter = address_from_hex(row.account), meter_from_hex(row.meter)
    return Metered(account, meter, Source.UNKNOWN, row.import_wh, row.export_wh, final, not final)


def check_ratings(commands: Sequence[tuple[int, Command] | None], facts: RunFacts) -> tuple[int, list[Finding]]:
    """Hold ratings against what runs say; return how many were looked at, and what is wrong.

    Args:
        commands: By journal sequence, each with its time; nothing at place 0.
        facts: See `read_facts`.
    """
    admitted: set[Address] = set()
    counted: dict[int, dict[Address, Counted]] = {}
    known: dict[int, set[Address]] = {}
    for sequence, each in enumerate(commands):
        match each[1] if each else None:
            case AdmitAccount(account):
                admitted.add(account)
            case RateAccount() as command:
                counted.setdefault(command.run_id, {})[command.account] = Counted(sequence, command)
                known[command.run_id] = set(admitted)
            case _:
                pass
    looked_at, findings = 0, list[Finding]()
    for run_id in sorted(counted.keys() & facts.keys()):
        looked_at += len(counted[run_id].keys() & facts[run_id].keys())
        findings += _wrong(run_id, counted[run_id], facts[run_id], known[run_id])
    return looked_at, findings


def _wrong(
    run_id: int, counted: Mapping[Address, Counted], facts: Mapping[Address, Facts], known: set[Address]
) -> Iterator[Finding]:
    for account, right in facts.items():
        found: dict[str, int | str] = {"account": hex_text(account), "run_id": run_id}
        found |= {"right_kept_wh": right.kept_wh, "right_failed_wh": right.failed_wh}
        if (each := counted.get(account)) is None:
            if account in known:
                yield Finding(Breach.OMITTED_RATING, 0, None, found)
        elif (each.command.kept_wh, each.command.failed_wh) != (right.kept_wh, right.failed_wh):
            found |= {"kept_wh": each.command.kept_wh, "failed_wh": each.command.failed_wh}
            yield Finding(Breach.FORGED_RATING, each.sequence, None, found)
