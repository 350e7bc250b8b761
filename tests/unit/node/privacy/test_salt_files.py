import os
from pathlib import Path

import pytest

from energy.errors import Misconfigured
from energy.identity import Digest
from node.privacy.salt_files import create_salts, forget_before, keep_salts, load_salts, open_salts
from oracles.salts import Erased, SaltKey, Salts, month_of, month_start, moving_on

METER, ACCOUNT, OTHER = b"\x01" * 32, b"\x02" * 20, b"\x03" * 20
ALL = (METER, ACCOUNT, OTHER)
MARCH, APRIL, MAY = (month_start(2026 * 12 + month) for month in (2, 3, 4))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_salts(tmp_path / "salts", ALL, MARCH)
    return tmp_path / "salts"


def test_salts_come_back_as_they_were_and_only_for_their_owner(folder: Path) -> None:
    first, again = load_salts(folder, ALL), load_salts(folder, ALL)
    assert first.salt(APRIL, (METER,), b"reading", 900) == again.salt(APRIL, (METER,), b"reading", 900)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_seed_gives_the_same_keys_and_is_not_stored(tmp_path: Path) -> None:
    seed = os.urandom(32)
    one, two = (create_salts(tmp_path / name, ALL, MARCH, seed) for name in ("one", "two"))
    assert one.salt(MARCH, (ACCOUNT,), b"entry") == two.salt(MARCH, (ACCOUNT,), b"entry")
    assert one.salt(MARCH, (ACCOUNT,), b"entry") != one.salt(MARCH, (OTHER,), b"entry")
    assert not [path for path in (tmp_path / "one").iterdir() if seed.hex() in path.read_text()]


def test_months_begin_where_the_calendar_says_and_have_salts_of_their_own(folder: Path) -> None:
    assert [month_of(at) - month_of(MARCH) for at in (MARCH, APRIL - 1, APRIL, MAY)] == [0, 0, 1, 2]
    assert month_start(1970 * 12) == 0
    salts = load_salts(folder, ALL)
    assert len({salts.salt(at, (METER,), b"reading", 900) for at in (MARCH, APRIL - 1, APRIL, MAY)}) == 3


def test_what_is_forgotten_takes_only_its_own_past_away(folder: Path) -> None:
    before = load_salts(folder, ALL)
    old = (folder / f"{ACCOUNT.hex()}.key").read_text().split()[-1]
    for _ in range(2):
        forget_before(folder, ACCOUNT, month_of(APRIL))
    after = load_salts(folder, ALL)
    for subjects in ((ACCOUNT,), (ACCOUNT, OTHER), (OTHER, ACCOUNT), (METER, ACCOUNT)):
        with pytest.raises(Erased, match=ACCOUNT.hex()):
            after.salt(APRIL - 1, subjects, b"trade")
        assert after.salt(MAY, subjects, b"trade") == before.salt(MAY, subjects, b"trade")
    assert after.salt(MARCH, (METER,), b"reading", 900) == before.salt(MARCH, (METER,), b"reading", 900)
    assert not [path for path in folder.iterdir() if old in path.read_text()]
    forget_before(folder, ACCOUNT, month_of(MARCH))
    assert load_salts(folder, ALL).salt(APRIL, (ACCOUNT,), b"entry") == before.salt(APRIL, (ACCOUNT,), b"entry")


def test_a_single_salt_is_kept_without_its_key(folder: Path) -> None:
    salts = load_salts(folder, ALL)
    kept = salts.salt(MARCH, (METER, ACCOUNT), b"certificate", 7)
    keep_salts(folder, {Salts.name_of((METER, ACCOUNT), b"certificate", 7): kept})
    keep_salts(folder, {Salts.name_of((OTHER,), b"entry"): Digest(bytes(32))})
    forget_before(folder, ACCOUNT, month_of(APRIL))
    after = load_salts(folder, ALL)
    assert after.salt(MARCH, (METER, ACCOUNT), b"certificate", 7) == kept
    with pytest.raises(Erased):
        after.salt(MARCH, (METER, ACCOUNT), b"certificate", 8)
    (folder / "kept").write_text("zz\n")
    with pytest.raises(Misconfigured, match="backup"):
        load_salts(folder, ALL)


def test_an_old_key_keeps_its_salts_and_moves_on_from_the_next_month(folder: Path) -> None:
    old = b"\x5a" * 32
    (folder / f"{METER.hex()}.key").write_text(old.hex() + "\n")
    as_it_was = Salts({METER: moving_on(old, month_of(MAY))})
    unmoved = load_salts(folder, ALL)
    opened = open_salts(folder, ALL, APRIL)
    again = open_salts(folder, ALL, MAY + 99)
    for salts in (unmoved, opened, again):
        assert salts.salt(APRIL, (METER,), b"reading") == as_it_was.salt(MARCH, (METER,), b"reading")
    assert opened.salt(MAY, (METER,), b"reading") == again.salt(MAY, (METER,), b"reading")
    assert opened.salt(MAY, (METER,), b"reading") != unmoved.salt(MAY, (METER,), b"reading")
    # One key holds for all that was before: it goes as a whole.
    with pytest.raises(ValueError, match="one key"):
        forget_before(folder, METER, month_of(APRIL))
    forget_before(folder, METER, month_of(MAY))
    assert load_salts(folder, ALL).salt(MAY, (METER,), b"reading") == opened.salt(MAY, (METER,), b"reading")
    assert old.hex() not in (folder / f"{METER.hex()}.key").read_text()


def test_a_key_that_is_merely_missing_or_damaged_stops_the_node(folder: Path) -> None:
    path = folder / f"{OTHER.hex()}.key"
    damaged = (
        "",
        "zz",
        "00" * 31,
        "salt key 2\n",
        "salt key 2\nfrom 2026-03 00\n",
        "salt key 3\nfrom 2026-03 " + "00" * 32,
    )
    for text in damaged:
        path.write_text(text)
        with pytest.raises(Misconfigured, match="backup"):
            load_salts(folder, ALL)
    path.unlink()
    with pytest.raises(Misconfigured, match="backup"):
        load_salts(folder, ALL)


def test_a_key_is_never_written_over(folder: Path) -> None:
    with pytest.raises(FileExistsError):
        create_salts(folder, [METER], MARCH)


def test_a_salt_for_two_needs_both_keys_in_their_sequence() -> None:
    keys = {METER: SaltKey(0, b"\x11" * 32), ACCOUNT: SaltKey(0, b"\x12" * 32)}
    together = Salts(keys).salt(900, (METER, ACCOUNT), b"certificate", 1)
    assert together != Salts(keys).salt(900, (ACCOUNT, METER), b"certificate", 1)
    for subject in keys:
        changed = Salts(keys | {subject: SaltKey(0, b"\x13" * 32)})
        assert changed.salt(900, (METER, ACCOUNT), b"certificate", 1) != together
    assert "11" * 32 not in repr(Salts(keys)) + repr(keys[METER])
