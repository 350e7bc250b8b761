"""What signing and attesting readings costs: signatures a second of each kind of key, and bytes on chain.

Readings are signed as a node has them signed: those of all meters of an interval at once, by the guard, which forces
each batch to disk before it signs and recovers each signature after. `unguarded` is the key alone. The token is
SoftHSM2, where it is installed; the remote key is on this machine, behind TLS with certificates on both sides. Wall
time, best of several rounds, for a token and another machine are waited for.
"""

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Final

from eth_account import Account
from web3 import Web3

from energy.identity import Address, Digest, MeterId
from energy.results import Accepted
from metering.readings import Reading
from node.ledger import artifact
from node.signing.remote import RemoteGuard, RemotePlace
from node.signing.server import SigningServer
from oracles.guard import GuardedSigner
from oracles.guard_store import GuardStore
from oracles.guarding import Guard
from oracles.hashing import keccak
from oracles.records import IntervalReadings, record_values
from oracles.signers import KeySigner, Signer
from oracles.token_signer import TokenPlace, TokenSigner, generate_key
from tests.support.certificates_tls import make_authority, make_certificate
from tests.support.evidence import CHAIN_ID, READINGS_CONTRACT
from tests.support.oracles import DOMAIN, first_reading, following
from tests.support.softhsm import MODULE, TOKEN, make_token

METERS: Final = 50
"""Readings in one batch: a street's interval."""
ROUNDS: Final = 5
ORACLE_QUORUM: Final = 2
INTERVALS_A_DAY: Final = 96
KEY: Final = keccak(b"the benchmark's key")

Figures = dict[str, Any]


def batches() -> Iterator[list[Reading]]:
    """Yield the readings of one interval after the other, each chained to the one before."""
    readings = [first_reading(MeterId(keccak(f"meter {number}".encode()))) for number in range(METERS)]
    while True:
        yield readings
        readings = [following(each) for each in readings]


def signed_per_s(sign: Callable[[Sequence[Reading]], object]) -> int:
    """Return signatures a second, of whole batches."""
    best_s = 0.0
    for _, batch in zip(range(ROUNDS), batches(), strict=False):
        begin = time.perf_counter()
        sign(batch)
        spent_s = time.perf_counter() - begin
        best_s = min(best_s or spent_s, spent_s)
    return int(METERS / best_s)


def guarded(guard: Guard) -> Callable[[Sequence[Reading]], object]:
    """Return what has a batch signed."""

    def sign(batch: Sequence[Reading]) -> object:
        answer = guard.sign_readings(DOMAIN, batch)
        assert isinstance(answer, Accepted), answer
        return answer

    return sign


def alone(signer: Signer) -> Callable[[Sequence[Reading]], object]:
    """Return what signs as many digests, without a guard."""
    digests = [Digest(keccak(str(number).encode())) for number in range(METERS)]
    return lambda _: [signer.sign(each) for each in digests]


@contextmanager
def remote(folder: Path, guard: Guard) -> Iterator[RemoteGuard]:
    """Give a key that another process would keep, behind its own guard."""
    authority = make_authority(folder)
    for name in ("signer", "node"):
        make_certificate(folder, name, authority)
    domains = dict.fromkeys(("reading", "interval", "correction"), DOMAIN)
    server = SigningServer(
        "127.0.0.1", 0, guard, domains, folder / "ca.pem", folder / "signer.pem", folder / "signer.key"
    )
    serving = threading.Thread(target=server.serve)
    serving.start()
    url = f"https://127.0.0.1:{server.port}"
    near = RemoteGuard(RemotePlace(url, guard.address, folder / "ca.pem", folder / "node.pem", folder / "node.key"))
    try:
        yield near
    finally:
        near.close()
        server.close()
        serving.join()


def signature_figures() -> Figures:
    """Return signatures a second of each backend; of the token None where SoftHSM2 is not installed."""
    figures: Figures = {"pkcs11": None}
    with tempfile.TemporaryDirectory() as name, ExitStack() as opened:
        folder = Path(name)

        def store(name: str, address: Address) -> GuardStore:
            return opened.enter_context(closing(GuardStore(folder / f"{name}.signed", address)))

        key = KeySigner(KEY)
        figures["keystore"] = {
            "signatures_per_s": signed_per_s(guarded(GuardedSigner(key, store("near", key.address)))),
            "unguarded_per_s": signed_per_s(alone(key)),
        }
        near = opened.enter_context(remote(folder, GuardedSigner(key, store("far", key.address))))
        figures["remote"] = {"signatures_per_s": signed_per_s(guarded(near))}
        if shutil.which("softhsm2-util"):
            place = TokenPlace(MODULE, TOKEN, "benchmark", opened.enter_context(make_token(folder)))
            generate_key(place)
            token = opened.enter_context(closing(TokenSigner(place)))
            figures["pkcs11"] = {
                "signatures_per_s": signed_per_s(guarded(GuardedSigner(token, store("token", token.address)))),
                "unguarded_per_s": signed_per_s(alone(token)),
            }
    return figures


def bytes_a_day() -> Figures:
    """Return what a community posts of its readings in a day: one attestation an interval, however many meters."""
    readings = Web3().eth.contract(abi=artifact("Readings")["abi"])
    told = IntervalReadings(1_751_371_200, keccak(b"root"), 123_456, 98_765)
    data = readings.encode_abi("attest", [record_values(told), [b"\x11" * 65] * ORACLE_QUORUM])
    transaction = {
        "type": 2, "chainId": CHAIN_ID, "nonce": 100_000, "gas": 500_000, "value": 0, "to": READINGS_CONTRACT,
        "data": data, "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 0,
    }  # fmt: skip
    posted = len(Account.sign_transaction(transaction, KEY).raw_transaction)
    return {
        "community": posted * INTERVALS_A_DAY,
        **{f"meter_of_{count}": posted * INTERVALS_A_DAY // count for count in (10, 50, 500)},
    }
