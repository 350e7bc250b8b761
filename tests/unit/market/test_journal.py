import hashlib
from dataclasses import replace

import pytest

from market.commands import (
    AdmitAccount,
    CancelOrder,
    CloseGate,
    Command,
    DropDisconnected,
    HaltAccount,
    OpenInterval,
    RateAccount,
    ReleaseInterval,
    SetLimits,
    WakeOrders,
)
from market.journal import GENESIS_HASH, chain_hash, decode, encode
from market.orders import SelfTrade, Side, TimeInForce
from tests.support.market import SIGNATURE, address, digest, order, place

ORDER = replace(
    order(1, Side.SELL, 2, -3_000, 4, interval=900, time_in_force=TimeInForce.FILL_OR_KILL, expiry=5),
    max_carbon_g_per_kwh=6,
    min_lot_wh=7,
    partner_group=digest(8),
    valid_from=9,
    last_interval=10,
    display_wh=11,
    green_premium_ueur_per_kwh=12,
    self_trade=SelfTrade.CANCEL_BOTH,
    all_or_none=True,
    cancel_on_disconnect=True,
    replaces=digest(13),
    bundle=14,
    bundle_legs=15,
)
COMMANDS: list[Command] = [
    AdmitAccount(address(1), 2**128 - 1),
    OpenInterval(900),
    place(ORDER),
    CancelOrder(address(1), digest(2), bytes(range(65))),
    CloseGate(900),
    ReleaseInterval(900),
    HaltAccount(address(1), True, False, 2**64 - 1, bytes(range(65))),
    WakeOrders(900),
    DropDisconnected(digest(3)),
    RateAccount(address(1), 1, 2**64 - 1, 2),
    SetLimits(1, 2**64 - 1, 2**96, 4, 5),
]


def test_layout_is_what_other_programs_read() -> None:
    command = place(ORDER)
    assert encode(7, 8, command).hex() == (
        "02" + f"{7:016x}" + f"{8:016x}" + "03"
        + f"{1:040x}" + f"{900:016x}" + "01" + f"{2:016x}" + (-3_000 % 2**64).to_bytes(8, "big").hex() + "02"
        + f"{4:016x}" + f"{5:016x}" + f"{6:08x}" + f"{7:08x}" + f"{8:064x}"
        + f"{9:016x}" + f"{10:016x}" + f"{12:08x}" + f"{11:08x}" + "02" + "01" + "00" + "01"
        + f"{13:064x}" + f"{14:016x}" + f"{15:02x}"
        + command.digest.hex() + SIGNATURE.hex()
    )  # fmt: skip
    kinds = [encode(0, 0, command)[17] for command in COMMANDS]
    assert kinds == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]


@pytest.mark.parametrize("command", COMMANDS)
def test_truncated_or_longer_record_is_refused(command: Command) -> None:
    record = encode(1, 2, command)
    assert decode(record) == (1, 2, command)
    for length in range(len(record)):
        with pytest.raises(ValueError):
            decode(record[:length])
    with pytest.raises(ValueError):
        decode(record + b"\0")


@pytest.mark.parametrize(
    ("offset", "value"),
    [(0, 0), (0, 1), (0, 3), (17, 0), (17, 7), (17, 255), (46, 2), (63, 3), (144, 3), (145, 2), (147, 255)],
)
def test_unknown_format_kind_and_codes_are_refused(offset: int, value: int) -> None:
    record = bytearray(encode(1, 2, place(ORDER)))
    record[offset] = value
    with pytest.raises(ValueError):
        decode(bytes(record))


@pytest.mark.parametrize(
    "command",
    [
        AdmitAccount(address(1), -1),
        AdmitAccount(address(1), 2**128),
        AdmitAccount(address(1)[:19], 0),  # type: ignore[arg-type]
        OpenInterval(-900),
        RateAccount(address(1), 1, -1, 0),
        RateAccount(address(1), 1, 0, 2**64),
        CloseGate(2**64),
        place(ORDER).__class__(ORDER, digest(1)[:31], SIGNATURE),  # type: ignore[arg-type]
        place(ORDER).__class__(ORDER, digest(1), SIGNATURE + b"\0"),
        place(ORDER).__class__(replace(ORDER, nonce=2**64), digest(1), SIGNATURE),
        place(ORDER).__class__(replace(ORDER, account=bytes(21)), digest(1), SIGNATURE),  # type: ignore[arg-type]
    ],
)
def test_values_that_do_not_fit_are_refused_not_cut(command: Command) -> None:
    with pytest.raises(ValueError):
        encode(0, 0, command)


@pytest.mark.parametrize(("sequence", "now"), [(-1, 0), (2**64, 0), (0, -1)])
def test_sequence_and_time_have_64_bits(sequence: int, now: int) -> None:
    with pytest.raises(ValueError):
        encode(sequence, now, OpenInterval(900))


def test_chain_hash_commits_to_every_record_and_its_place() -> None:
    first, second = b"first", b"second"
    assert chain_hash(GENESIS_HASH, first) == hashlib.sha256(GENESIS_HASH + first).digest()
    assert chain_hash(chain_hash(GENESIS_HASH, first), second) != chain_hash(chain_hash(GENESIS_HASH, second), first)
    with pytest.raises(ValueError):
        chain_hash(b"short", first)
