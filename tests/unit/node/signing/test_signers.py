"""`signers.toml`: each key from where the file says, mistakes said by name, and a key's memory goes with the key."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from eth_account import Account

from energy.errors import Misconfigured
from energy.identity import hex_text
from node.signing.keys import KEYSTORE_ROLES, SEALER, KeyPair, KeyRing
from node.signing.signers import Rotation, SigningKeys
from oracles.hashing import keccak
from oracles.signatures import address_of
from oracles.token_signer import TokenPlace, generate_key
from tests.support.softhsm import MODULE, TOKEN, make_token, needs_softhsm

RING = KeyRing({role: KeyPair.from_private(keccak(role.encode())) for role in (SEALER, *KEYSTORE_ROLES)})
NEW = keccak(b"new")
NEXT = """
[oracle-2-next]
backend = "keystore"
file = "new.json"
password_file = "password"
valid_from = 2026-12-01T00:00:00Z
overlap_h = 48
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "password").write_text("secret\n")
    keystore = Account.encrypt(NEW, "secret", kdf="pbkdf2", iterations=1)
    (tmp_path / "new.json").write_text(json.dumps(keystore))
    return tmp_path


def test_without_a_file_all_keys_are_the_founding_s(folder: Path) -> None:
    with closing(SigningKeys(folder, RING)) as keys:
        assert [each.address for each in keys.oracles()] == [each.address for each in RING.oracles()]
        assert [each.address for each in keys.attestors()] == [each.address for each in RING.attestors()]
        assert not keys.rotations
    assert sorted(each.name for each in (folder / "guards").iterdir())[0] == "attestor-1.signed"


def test_a_key_that_follows_signs_beside_the_old_one_and_then_alone(folder: Path) -> None:
    (folder / "signers.toml").write_text(NEXT)
    start = 1_796_083_200
    with closing(SigningKeys(folder, RING)) as keys:
        old, new = RING["oracle-2"].address, address_of(NEW)
        assert keys.rotations == [Rotation("oracle-2", old, new, start, start + 48 * 3_600)]
        assert len(keys.oracles()) == 4
    names = {each.name for each in (folder / "guards").iterdir()}
    (folder / "signers.toml").write_text(NEXT.replace("-next", "").partition("valid_from")[0])
    with closing(SigningKeys(folder, RING)) as keys:
        assert [each.address for each in keys.oracles()][1] == new
    assert {each.name for each in (folder / "guards").iterdir()} == names, "its memory went along"


def test_an_oracle_that_comes_to_the_others_signs_from_an_instant_on(folder: Path) -> None:
    more = NEXT.replace("oracle-2-next", "oracle-4").replace("overlap_h = 48", "")
    (folder / "signers.toml").write_text(more)
    start = 1_796_083_200
    with closing(SigningKeys(folder, RING)) as keys:
        new = address_of(NEW)
        assert keys.rotations == [Rotation("oracle-4", None, new, start)]
        assert [each.address for each in keys.oracles()] == [*(each.address for each in RING.oracles()), new]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[oracle-0]\nbackend = 'keystore'", "no role"),
        ("[operator]\nbackend = 'keystore'", "no role"),
        ("oracle-1 = 5", "no role"),
        ("[oracle-1]\nbackend = 'paper'", "backend"),
        ("[oracle-1]\nbackend = 'keystore'\nfile = 'x'", "lacks password_file"),
        ("[oracle-1]\nbackend = 'keystore'\nfile = 'x'\npassword_file = 5", "password_file must be a text"),
        ("[oracle-1]\nbackend = 'keystore'\nfile = 'x'\npassword_file = 'password'\npin = '1'", "unknown pin"),
        ("[oracle-1]\nbackend = 'keystore'\nfile = 'none'\npassword_file = 'password'", "does not open"),
        (NEXT.replace("oracle-2", "oracle-9"), "follows no key"),
        (NEXT.replace("oracle-2-next", "oracle-4"), "unknown overlap_h"),
        (NEXT.replace("oracle-2-next", "oracle-4").partition("valid_from")[0], "lacks valid_from"),
        (NEXT.replace("T00:00:00Z", "T00:00:00"), "with its offset"),
        (NEXT.replace("48", "0"), "hours from 1"),
        ("[oracle-1", "can not be read"),
    ],
)
def test_what_is_wrong_is_said_by_name(folder: Path, text: str, said: str) -> None:
    (folder / "signers.toml").write_text(text)
    with pytest.raises(Misconfigured, match=said):
        SigningKeys(folder, RING)
    (folder / "signers.toml").unlink()
    SigningKeys(folder, RING).close()  # nothing was left open


@needs_softhsm
def test_a_key_in_a_token_signs_for_a_role(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    with make_token(tmp_path_factory.mktemp("token")) as pin_file:
        place = TokenPlace(MODULE, TOKEN, "signing-keys", pin_file)
        made = generate_key(place)
        (folder / "signers.toml").write_text(
            f"[attestor-3]\nbackend = 'pkcs11'\nmodule = '{MODULE}'\ntoken = '{TOKEN}'\nkey = 'signing-keys'\n"
            f"pin_file = '{pin_file}'\n"
        )
        with closing(SigningKeys(folder, RING)) as keys:
            assert keys.attestors()[2].address == made.address
            assert (folder / "guards" / f"attestor-3-{hex_text(made.address)[2:]}.signed").exists()
