"""Who was admitted after the founding: what no vote can know of them, in `admitted.csv` beside `community.json`.

The registry says who is a member and which meters are enrolled; a name, a serial number and where a meter is heard are
nobody else's business and stay on this machine. The file has the columns of the founding's file of members. It is read
when the node starts, and may name somebody before the vote: nothing happens until the registry says so
(`node.coop.seats`). Whoever moves in may take a meter over: only the serial number may come twice.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from energy.errors import Misconfigured
from energy.identity import hex_text
from node.coop.community import LINK_KIND, Community, Member
from node.coop.founding import COMMUNITY_FILE, MEMBER_COLUMNS, SALTS, load_members
from node.privacy.salt_files import create_salts
from node.storage.durable import write_whole

ADMITTED_FILE: Final = "admitted.csv"
COLUMNS: Final = (*MEMBER_COLUMNS, "efficiency_permille")


def load_community(path: Path) -> Community:
    """Read an agreement, and who was admitted since from the file beside it, if there is one.

    Raises:
        Misconfigured: one of the files is missing or wrong; says which line.
    """
    community, beside = Community.load(path), path.parent / ADMITTED_FILE
    return (
        with_admitted(community, load_members(beside, ("account", "meter", "label"))) if beside.exists() else community
    )


def with_admitted(community: Community, later: Sequence[Member]) -> Community:
    """Return a community with members who came later.

    Raises:
        Misconfigured: they can not be told from others.
    """
    try:
        if any(member.kind == LINK_KIND for member in later):
            raise ValueError(f"kind can not be {LINK_KIND!r}")
        accounts = frozenset(member.account for member in later)
        return replace(community, members=(*community.members, *later), later=accounts)
    except ValueError as error:
        raise Misconfigured(f"{ADMITTED_FILE} can not be taken: {error}") from error


def admit(folder: Path, member: Member) -> None:
    """Write down who was, or is to be, admitted, and draw the salts of what will be on the chain about them.

    Args:
        folder: Of a node, which reads it at its next start.
        member: Whom, with the meter.
    Raises:
        Misconfigured: the member can not be told from others, or a file is wrong.
        OSError: a file can not be written.
    """
    before = load_community(folder / COMMUNITY_FILE)
    later = [*(each for each in before.members if each.account in before.later), member]
    with_admitted(Community.load(folder / COMMUNITY_FILE), later)
    # Salts first: a member without them stops the node, salts without a member are for nobody.
    subjects = [each for each in (member.meter, member.account) if not (folder / SALTS / f"{each.hex()}.key").exists()]
    create_salts(folder / SALTS, subjects, before.first_interval)
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    rows.writerows(_row(each) for each in later)
    write_whole(folder / ADMITTED_FILE, text.getvalue())


def _row(member: Member) -> tuple[str | int, ...]:
    return (
        hex_text(member.account),
        member.label,
        member.kind,
        member.serial,
        member.meter_source,
        member.source.name.lower(),
        member.power_max_import_w,
        member.power_max_export_w,
        member.efficiency_permille,
    )
