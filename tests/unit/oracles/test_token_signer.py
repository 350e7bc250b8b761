"""A real PKCS#11 token in software: keys never leave, signatures verify, a lost session comes back.

The same code drives a YubiHSM 2. The tests need SoftHSM2, which `.ci/run` installs.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pkcs11
import pytest
from coincurve import PrivateKey
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.util.ec import encode_named_curve_parameters

from energy.errors import Misconfigured
from energy.identity import Digest
from energy.results import Accepted
from oracles.guard import GuardedSigner
from oracles.guard_store import GuardStore
from oracles.signatures import recover
from oracles.token_signer import SECP256K1_OID, TokenPlace, TokenSigner, can_be_read, generate_key, open_session
from oracles.typed_data import digest, reading_hash
from tests.support.evidence import METERS
from tests.support.oracles import DOMAIN, first_reading
from tests.support.softhsm import MODULE, TOKEN, make_token, needs_softhsm

pytestmark = needs_softhsm
HALF_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141 >> 1


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenPlace]:
    with make_token(tmp_path_factory.mktemp("token")) as pin_file:
        place = TokenPlace(MODULE, TOKEN, "oracle-1", pin_file)
        generate_key(place)
        yield place


@pytest.fixture
def signer(place: TokenPlace) -> Iterator[TokenSigner]:
    with closing(TokenSigner(place)) as signer:
        yield signer


def test_signatures_are_canonical_and_recover_to_the_key(signer: TokenSigner) -> None:
    for number in range(50):
        signed = Digest(number.to_bytes(32, "big"))
        signature = signer.sign(signed)
        assert recover(signed, signature) == signer.address
        assert int.from_bytes(signature[32:64], "big") <= HALF_ORDER


def test_the_key_was_made_inside_and_can_not_be_read(signer: TokenSigner, place: TokenPlace) -> None:
    attestation = signer.attest()
    assert (attestation.local, attestation.always_sensitive, attestation.never_extractable) == (True, True, True)
    assert not can_be_read(place)


def test_an_imported_key_signs_as_well_and_is_refused(place: TokenPlace) -> None:
    key = PrivateKey(b"\x05" * 32)
    curve = encode_named_curve_parameters(SECP256K1_OID)
    common = {Attribute.KEY_TYPE: KeyType.EC, Attribute.EC_PARAMS: curve, Attribute.LABEL: "imported"}
    session = open_session(place)
    private = session.create_object(
        common
        | {
            Attribute.CLASS: ObjectClass.PRIVATE_KEY,
            Attribute.VALUE: key.secret,
            Attribute.SENSITIVE: True,
            Attribute.EXTRACTABLE: False,
            Attribute.SIGN: True,
            Attribute.TOKEN: True,
        }
    )
    point = b"\x04\x41" + key.public_key.format(compressed=False)
    session.create_object(
        common | {Attribute.CLASS: ObjectClass.PUBLIC_KEY, Attribute.EC_POINT: point, Attribute.TOKEN: True}
    )
    assert len(private.sign(b"\x01" * 32, mechanism=Mechanism.ECDSA)) == 64
    session.close()
    with pytest.raises(Misconfigured, match="imported"):
        TokenSigner(TokenPlace(place.module, place.token_label, "imported", place.pin_file))


def test_a_lost_session_is_opened_again(signer: TokenSigner) -> None:
    before = signer.sign(Digest(b"\x01" * 32))
    signer._session.close()
    after = signer.sign(Digest(b"\x01" * 32))
    assert signer.reopened == 1
    assert recover(Digest(b"\x01" * 32), after) == recover(Digest(b"\x01" * 32), before) == signer.address


def test_a_key_is_made_once(place: TokenPlace) -> None:
    with pytest.raises(Misconfigured, match="already"):
        generate_key(place)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"key_label": "nobody"}, "holds no key"),
        ({"module": Path("/nowhere.so")}, "can not be used"),
        ({"pin_file": Path("/nowhere.pin")}, "PIN file"),
    ],
)
def test_a_wrong_place_is_named(place: TokenPlace, change: dict[str, str], says: str) -> None:
    fields = {
        "module": place.module,
        "token_label": place.token_label,
        "key_label": "oracle-1",
        "pin_file": place.pin_file,
    }
    with pytest.raises(Misconfigured, match=says):
        TokenSigner(TokenPlace(**{**fields, **change}))  # type: ignore[arg-type]


def test_a_wrong_pin_opens_nothing_in_a_process_of_its_own(place: TokenPlace, tmp_path: Path) -> None:
    """In a process that is logged in already a token does not ask again, so this looks from another one."""
    wrong = tmp_path / "pin"
    wrong.write_text("9999\n")
    program = (
        "from pathlib import Path\nfrom oracles.token_signer import TokenPlace, TokenSigner\n"
        f"TokenSigner(TokenPlace(Path({str(place.module)!r}), {place.token_label!r}, 'oracle-1', Path({str(wrong)!r})))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "Misconfigured: the PIN does not open the token" in ended.stderr
    assert "9999" not in ended.stderr


def test_behind_the_guard_the_same_reading_is_signed_again_and_another_is_not(
    signer: TokenSigner, tmp_path: Path
) -> None:
    with closing(GuardStore(tmp_path / "token.guard", signer.address)) as store:
        guarded = GuardedSigner(signer, store)
        reading = first_reading(METERS[0])
        for _ in range(2):  # a token's signatures differ each time; both are right
            answer = guarded.sign_readings(DOMAIN, [reading])
            assert isinstance(answer, Accepted)
            assert recover(digest(DOMAIN, reading_hash(reading)), answer.events[0]) == signer.address


def test_the_key_gives_itself_away_nowhere(signer: TokenSigner, place: TokenPlace) -> None:
    assert repr(signer) == f"TokenSigner(0x{signer.address.hex()})"
    with pytest.raises(TypeError):
        signer.__reduce__()
    assert pkcs11.lib(str(place.module))
