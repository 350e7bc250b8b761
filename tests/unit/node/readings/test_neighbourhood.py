"""Peers (R21), the grid operator (R22) and cuts (R13) become the operator's concerns; the file says what there is."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from energy.errors import Misconfigured
from energy.identity import hex_text
from metering.readings import QualityCode, ReadingFlag, TrustClass, quality
from node.clock import SimulatedClock
from node.coop.tariffs import TariffSchedule
from node.readings.neighbourhood import NEIGHBOURHOOD_FILE, Neighbourhood
from node.storage.database import open_database
from node.storage.models import AttestationRow, ReadingRow
from node.storage.projection import Projection
from node.views.concerns import Concerns
from tests.support.agreements import AGREEMENT, member

NIGHT: Final = 1_741_302_000
"""2025-03-07T00:00 in Paris."""
LENGTH_S: Final = 900
MEMBERS: Final = tuple(member(number) for number in range(1, 5))
PLANTS: Final = "[plants]\n" + "".join(f"{each.label} = 4000\n" for each in MEMBERS)
HEAD: Final = (
    "Identifiant PRM;Type de donnees;Date de debut;Date de fin;Grandeur physique;Grandeur metier;Etape metier;Unite;"
    "Pas en minutes\n12345678901234;Courbe de charge;2025-03-07;2025-03-07;Energie active;Consommation;Comptage Brut;"
    "W;30\n"
    "Horodate;Valeur\n"
)


def reading(number: int, interval: int, import_wh: int, export_wh: int, flags: int = 0) -> ReadingRow:
    return ReadingRow(
        meter=hex_text(MEMBERS[number].meter),
        interval=interval,
        account=hex_text(MEMBERS[number].account),
        sequence=0,
        import_wh=import_wh,
        export_wh=export_wh,
        import_index_wh=0,
        export_index_wh=0,
        quality=quality(TrustClass.C, QualityCode.VALIDATED),
        flags=flags,
        previous_hash="0x",
        raw_hash="0x",
        observed_at=interval + LENGTH_S,
        signatures="{}",
    )


class Street:
    """A neighbourhood over a database of its own."""

    def __init__(self, folder: Path, text: str) -> None:
        (folder / NEIGHBOURHOOD_FILE).write_text(text)
        self.concerns = Concerns()
        self.projection = Projection(open_database(f"sqlite:///{folder}/db"), TariffSchedule([(0, 1, 1, 1, 1, 1)]))
        community = replace(AGREEMENT, members=MEMBERS)
        self.node = Neighbourhood(folder, community, self.projection, SimulatedClock(NIGHT), self.concerns)

    def read(self, interval: int, *rows: ReadingRow) -> None:
        """Let an interval be attested."""
        attestation = AttestationRow(
            interval=interval,
            readings_root="0x",
            import_wh=0,
            export_wh=0,
            previous_history="0x",
            signatures="{}",
            transaction="0x",
        )
        self.projection.apply_interval(attestation, rows)
        self.projection.flush()
        self.newest = interval

    def said(self) -> list[tuple[str, str]]:
        """Judge, and return code and label of each concern."""
        self.node.judge(self.newest)
        return [(each.code.value, each.label) for each in self.concerns.open()]


def test_r21_a_plant_far_from_its_peers_is_remarked_until_it_is_not(tmp_path: Path) -> None:
    street = Street(tmp_path, PLANTS)
    for place in range(8):
        yields = (700, 720, 690, 300 if place < 4 else 710)
        at = NIGHT + place * LENGTH_S
        street.read(at, *(reading(number, at, 0, wh) for number, wh in enumerate(yields)))
        if place == 3:
            assert street.said() == [("R21", "H04")]
    assert street.said() == []


@pytest.mark.parametrize(("off_w", "said"), [(0, []), (20, [("R22", "H01")])])
def test_r22_a_day_is_held_against_the_grid_operators(tmp_path: Path, off_w: int, said: list[tuple[str, str]]) -> None:
    street = Street(tmp_path, '[operator]\nH01 = "h01.csv"\n')
    for place in range(96):
        at = NIGHT + place * LENGTH_S
        street.read(at, reading(0, at, 100, 0))
    assert street.said() == [], "the operator's file comes a day later"
    stamps = [f"2025-03-07T{step // 2:02}:{step % 2 * 30:02}:00" for step in range(1, 48)] + ["2025-03-08T00:00:00"]
    (tmp_path / "h01.csv").write_text(HEAD + "".join(f"{stamp};{400 + off_w}\n" for stamp in stamps), "utf-8-sig")
    assert street.said() == said
    if said:
        assert street.concerns.open()[0].facts == {"day": NIGHT, "difference": -480}


def test_r13_a_cut_is_told_for_a_day(tmp_path: Path) -> None:
    street = Street(tmp_path, "")
    street.read(NIGHT, reading(1, NIGHT, 5, 0, ReadingFlag.PARTIAL))
    assert street.said() == [("R13", "H02")]
    later = NIGHT + 86_400
    street.read(later, reading(1, later, 5, 0))
    assert street.said() == []


@pytest.mark.parametrize(
    "text",
    [
        "[feeder",
        "[cellar]\n",
        '[feeder]\nsource = "csv:x"\nserial = "F"\n',
        '[feeder]\nsource = "gas:x"\nserial = "F"\npower_max_w = 1\n',
        "[plants]\nH99 = 1\n",
        '[plants]\nH01 = "much"\n',
        "[operator]\nH01 = 5\n",
    ],
)
def test_a_file_that_names_what_is_not_there_stops_the_node(tmp_path: Path, text: str) -> None:
    with pytest.raises(Misconfigured):
        Street(tmp_path, text)
