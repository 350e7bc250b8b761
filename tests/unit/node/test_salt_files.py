import os
from pathlib import Path

import pytest

from energy.errors import Misconfigured
from node.salt_files import create_salts, destroy_salt, is_erased, load_salts
from oracles.salts import Erased, Salts

METER, ACCOUNT, OTHER = b"\x01" * 32, b"\x02" * 20, b"\x03" * 20
ALL = (METER, ACCOUNT, OTHER)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_salts(tmp_path / "salts", ALL)
    return tmp_path / "salts"


def test_salts_come_back_as_they_were_and_only_for_their_owner(folder: Path) -> None:
    first, again = load_salts(folder, ALL), load_salts(folder, ALL)
    assert first.salt((METER,), b"reading", 900) == again.salt((METER,), b"reading", 900)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_seed_gives_the_same_keys_and_is_not_stored(tmp_path: Path) -> None:
    seed = os.urandom(32)
    one, two = (create_salts(tmp_path / name, ALL, seed) for name in ("one", "two"))
    assert one.salt((ACCOUNT,), b"entry") == two.salt((ACCOUNT,), b"entry")
    assert one.salt((ACCOUNT,), b"entry") != one.salt((OTHER,), b"entry")
    assert not [path for path in (tmp_path / "one").iterdir() if seed.hex() in path.read_text()]


def test_a_destroyed_key_takes_only_its_own_leaves_away(folder: Path) -> None:
    before = load_salts(folder, ALL)
    key = (folder / f"{ACCOUNT.hex()}.key").read_text().strip()
    destroy_salt(folder, ACCOUNT, 1_000)
    destroy_salt(folder, ACCOUNT, 2_000)
    after = load_salts(folder, ALL)
    assert is_erased(folder, ACCOUNT)
    assert not is_erased(folder, METER)
    assert after.subjects == {METER, OTHER}
    assert after.salt((METER,), b"reading", 900) == before.salt((METER,), b"reading", 900)
    for subjects in ((ACCOUNT,), (ACCOUNT, OTHER), (OTHER, ACCOUNT), (METER, ACCOUNT)):
        with pytest.raises(Erased, match=ACCOUNT.hex()):
            after.salt(subjects, b"trade")
    assert not [path for path in folder.iterdir() if key in path.read_text()]


def test_a_crash_in_the_middle_of_destroying_is_finished_by_doing_it_again(folder: Path) -> None:
    (folder / f"{ACCOUNT.hex()}.erased").write_text("")
    assert load_salts(folder, ALL).subjects == {METER, OTHER}
    destroy_salt(folder, ACCOUNT, 1_000)
    assert not (folder / f"{ACCOUNT.hex()}.key").exists()


def test_a_key_that_is_merely_missing_or_damaged_stops_the_node(folder: Path) -> None:
    path = folder / f"{OTHER.hex()}.key"
    for text in ("zz", "00" * 31):
        path.write_text(text)
        with pytest.raises(Misconfigured, match="backup"):
            load_salts(folder, ALL)
    path.unlink()
    with pytest.raises(Misconfigured, match="backup"):
        load_salts(folder, ALL)


def test_a_key_is_never_written_over(folder: Path) -> None:
    with pytest.raises(FileExistsError):
        create_salts(folder, [METER])


def test_a_salt_for_two_needs_both_keys_in_their_sequence() -> None:
    keys = {METER: b"\x11" * 32, ACCOUNT: b"\x12" * 32}
    together = Salts(keys).salt((METER, ACCOUNT), b"certificate", 1)
    assert together != Salts(keys).salt((ACCOUNT, METER), b"certificate", 1)
    for subject in keys:
        changed = Salts(keys | {subject: b"\x13" * 32})
        assert changed.salt((METER, ACCOUNT), b"certificate", 1) != together
    assert "11" * 32 not in repr(Salts(keys))
