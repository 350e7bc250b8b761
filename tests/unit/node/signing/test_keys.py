import json
from pathlib import Path

import pytest
from eth_account import Account

from energy.errors import Misconfigured
from energy.identity import hex_text
from node.signing.keys import KEYSTORE_ROLES, ROLES, KeyPair, create_keys, load_keys

GIVEN = {role: bytes([number]) * 32 for number, role in enumerate(ROLES, start=1)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_keys(tmp_path / "keys", GIVEN)
    return tmp_path / "keys"


def test_keys_come_back_as_they_were(folder: Path) -> None:
    ring = load_keys(folder)
    for role in ROLES:
        assert ring[role].private_key == GIVEN[role]
        assert hex_text(ring[role].address) == Account.from_key(GIVEN[role]).address.lower()
    assert [pair.address for pair in ring.oracles()] == [ring[f"oracle-{n}"].address for n in (1, 2, 3)]
    assert [pair.address for pair in ring.attestors()] == [ring[f"attestor-{n}"].address for n in (1, 2, 3)]


def test_nobody_else_can_read_them(folder: Path) -> None:
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == dict.fromkeys(
        ["password", "sealer.key", *(f"{role}.json" for role in KEYSTORE_ROLES)], 0o600
    )


def test_a_keystore_shows_no_key(folder: Path) -> None:
    for role in KEYSTORE_ROLES:
        assert GIVEN[role].hex() not in (folder / f"{role}.json").read_text()


def test_any_wallet_opens_a_keystore(folder: Path) -> None:
    password = (folder / "password").read_text().strip()
    opened = Account.decrypt((folder / "operator.json").read_text(), password)
    assert bytes(opened) == GIVEN["operator"]


def test_drawn_keys_are_all_different(tmp_path: Path) -> None:
    first, second = (create_keys(tmp_path / name) for name in ("one", "two"))
    drawn = {ring[role].private_key for ring in (first, second) for role in ROLES}
    assert len(drawn) == 2 * len(ROLES)
    assert {len(key) for key in drawn} == {32}


def test_keys_are_never_overwritten(folder: Path) -> None:
    with pytest.raises(FileExistsError):
        create_keys(folder, GIVEN)


@pytest.mark.parametrize("name", ["password", "sealer.key", "oracle-2.json"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(Misconfigured, match=name):
        load_keys(folder)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("password", "guessed\n"),
        ("sealer.key", "00" * 5),
        ("sealer.key", "zz"),
        ("oracle-2.json", ""),
        ("oracle-2.json", "[]"),
        ("oracle-2.json", "{}"),
        ("oracle-2.json", '{"version": 3, "crypto": {}}'),
    ],
)
def test_a_damaged_file_or_a_wrong_password_opens_nothing(folder: Path, name: str, content: str) -> None:
    (folder / name).write_text(content)
    with pytest.raises(Misconfigured, match="do not open"):
        load_keys(folder)


def test_a_changed_keystore_does_not_open(folder: Path) -> None:
    keystore = json.loads((folder / "node.json").read_text())
    text = keystore["crypto"]["ciphertext"]
    keystore["crypto"]["ciphertext"] = ("0" if text[0] != "0" else "1") + text[1:]
    (folder / "node.json").write_text(json.dumps(keystore))
    with pytest.raises(Misconfigured, match="do not open"):
        load_keys(folder)


def test_a_folder_in_the_place_of_a_file_is_named(folder: Path) -> None:
    (folder / "password").unlink()
    (folder / "password").mkdir()
    with pytest.raises(Misconfigured, match="password can not be read"):
        load_keys(folder)


def test_a_key_controls_its_account() -> None:
    assert KeyPair.from_private(b"\x01" * 32).address.hex() == "1a642f0e3c3af545e7acbd38b07251b3990914f1"
