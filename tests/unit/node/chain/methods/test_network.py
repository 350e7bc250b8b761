from binascii import crc32
from pathlib import Path

from eth.vm.forks.cancun.constants import BEACON_ROOTS_ADDRESS
from eth.vm.forks.prague import constants

from energy.identity import hex_text
from node.chain.filters import Filters
from node.chain.methods.network import PRECOMPILES, eth_config
from node.chain.methods.session import Session
from node.chain.vm import DISABLED_PRECOMPILES, Computation
from tests.support.chain import CHAIN_ID, new_chain, signed


def test_the_rules_are_those_of_prague_from_block_0_on_as_eip_7910_tells_them(tmp_path: Path) -> None:
    chain = new_chain(tmp_path)
    try:
        genesis = chain.head.hash
        chain.submit([signed(0)])
        told = eth_config(Session(chain, Filters()))
    finally:
        chain.close()
    assert (told["next"], told["last"]) == (None, None)
    current = told["current"]
    assert list(current) == sorted(current)
    assert (current["activationTime"], current["chainId"]) == (0, hex(CHAIN_ID))
    assert current["forkId"] == f"0x{crc32(genesis):08x}"
    assert current["blobSchedule"] == {"baseFeeUpdateFraction": 5_007_716, "max": 9, "target": 6}
    assert current["precompiles"]["SHA256"] == "0x" + "00" * 19 + "02"


def test_the_precompiles_that_are_told_are_those_that_answer() -> None:
    answering = set(Computation.get_precompiles()) - set(DISABLED_PRECOMPILES)
    assert {place.to_bytes(20, "big") for place in range(1, len(PRECOMPILES) + 1)} == answering


def test_the_system_contracts_are_those_that_the_machine_knows(tmp_path: Path) -> None:
    chain = new_chain(tmp_path)
    told = eth_config(Session(chain, Filters()))["current"]["systemContracts"]
    chain.close()
    known = {name: getattr(constants, name) for name in told if name != "BEACON_ROOTS_ADDRESS"}
    assert told == {name: hex_text(address) for name, address in known.items()} | {
        "BEACON_ROOTS_ADDRESS": hex_text(BEACON_ROOTS_ADDRESS)
    }
