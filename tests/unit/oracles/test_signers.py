import copy
import pickle

import pytest

from energy.identity import Digest
from oracles.signatures import address_of, recover, sign
from oracles.signers import KeySigner

KEY = b"\x0d" * 32
DIGEST = Digest(b"\x01" * 32)


def test_a_key_signs_as_the_pure_function_does() -> None:
    signer = KeySigner(KEY)
    assert signer.address == address_of(KEY)
    assert signer.sign(DIGEST) == sign(KEY, DIGEST)
    assert recover(DIGEST, signer.sign(DIGEST)) == signer.address


def test_no_text_shows_the_key() -> None:
    signer = KeySigner(KEY)
    for text in (repr(signer), str(signer), f"{signer!r:>99}"):
        assert KEY.hex() not in text


def test_the_key_is_neither_copied_nor_stored() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(KeySigner(KEY))
    with pytest.raises(TypeError):
        copy.deepcopy(KeySigner(KEY))
