from pathlib import Path

import pytest

from energy.errors import Misconfigured
from energy.identity import Digest
from node.chain.clock import ManualClock
from node.chain.datadir import init_chain, open_chain
from node.chain.role import (
    ROLE_FILE,
    SEALER,
    Role,
    await_standby,
    become_follower,
    begin_as_follower,
    hand_over,
    is_standby,
    note_awaited,
    note_logs,
    read_role,
    retire,
    take_over,
)
from tests.support.chain import GENESIS, START, new_chain, signed

URL = "http://127.0.0.1:9"


def test_an_orderly_change_of_sealers(tmp_path: Path) -> None:
    leader = new_chain(tmp_path / "leader")
    with pytest.raises(Misconfigured, match="in use"):
        hand_over(tmp_path / "leader")
    init_chain(tmp_path / "follower", GENESIS)
    become_follower(tmp_path / "follower", URL)
    follower = open_chain(tmp_path / "follower", None, ManualClock(START))
    leader.submit([signed(0)])
    leader.close()
    last = hand_over(tmp_path / "leader")
    assert (last.number, last.hash) == (1, leader.head.hash)
    with pytest.raises(Misconfigured, match="in use"):
        take_over(tmp_path / "follower", Digest(last.hash))
    follower.close()
    for folder in ("leader", "follower"):
        with pytest.raises(Misconfigured, match="which another node seals"):
            new_chain(tmp_path / folder)
    with pytest.raises(Misconfigured, match="let it catch up first"):
        take_over(tmp_path / "follower", Digest(last.hash))

    retired = open_chain(tmp_path / "leader", None, ManualClock(START))
    follower = open_chain(tmp_path / "follower", None, ManualClock(START))
    block = retired.sealed_block(1)
    assert block is not None
    follower.adopt(block)
    follower.close()
    retired.close()
    assert take_over(tmp_path / "follower", Digest(last.hash)) == last
    new = new_chain(tmp_path / "follower")
    new.submit([signed(1)])
    new.close()
    become_follower(tmp_path / "leader", URL)
    assert read_role(tmp_path / "leader").url == URL


def test_a_sealer_neither_follows_nor_takes_over_from_itself(tmp_path: Path) -> None:
    chain = new_chain(tmp_path)
    chain.submit([signed(0)])
    chain.close()
    with pytest.raises(Misconfigured, match="sealer's folder already"):
        take_over(tmp_path, None)
    with pytest.raises(Misconfigured, match="is the sealer's folder"):
        become_follower(tmp_path, URL)


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"role": "king"}', '{"role": "follower", "url": 5}', '{"role": "sealer", "awaited": 1}', '{"x": 1}'],
)
def test_a_role_that_cannot_be_read_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / ROLE_FILE).write_text(text)
    with pytest.raises(Misconfigured, match="tells no role"):
        read_role(tmp_path)


def test_nobody_seals_in_the_place_of_a_sealer_that_did_not_wait_for_it(tmp_path: Path) -> None:
    init_chain(tmp_path, GENESIS)
    become_follower(tmp_path, URL)
    with pytest.raises(Misconfigured, match="did not wait for this follower"):
        take_over(tmp_path, None)
    note_awaited(tmp_path, True)
    become_follower(tmp_path, "http://127.0.0.1:10")  # started again, perhaps at another address
    name = read_role(tmp_path).standby
    with pytest.raises(Misconfigured, match="did not wait"):
        take_over(tmp_path, None, with_logs=True)
    note_logs(tmp_path, True)
    assert take_over(tmp_path, None, with_logs=True).number == 0
    assert read_role(tmp_path) == Role("sealer", "http://127.0.0.1:10", replaces=name), "whom it tells"


def test_a_restored_copy_follows_and_never_seals_beside_the_first(tmp_path: Path) -> None:
    new_chain(tmp_path / "chain").close()
    await_standby(tmp_path / "chain")
    begin_as_follower(tmp_path / "chain")
    with pytest.raises(Misconfigured, match="which another node seals"):
        new_chain(tmp_path / "chain")
    become_follower(tmp_path / "chain", URL)
    role = read_role(tmp_path / "chain")
    assert (role.role, role.url, role.awaited) == ("follower", URL, False)


def test_a_sealer_whose_standby_has_taken_over_seals_no_more(tmp_path: Path) -> None:
    init_chain(tmp_path, GENESIS)
    await_standby(tmp_path)
    retire(tmp_path)
    with pytest.raises(Misconfigured, match="which another node seals"):
        new_chain(tmp_path)


def test_a_follower_forgets_that_it_is_waited_for_when_it_is_not_any_more(tmp_path: Path) -> None:
    init_chain(tmp_path, GENESIS)
    become_follower(tmp_path, URL)
    name = read_role(tmp_path).standby
    note_awaited(tmp_path, True)
    note_awaited(tmp_path, False)
    with pytest.raises(Misconfigured, match="did not wait"):
        take_over(tmp_path, None)
    assert read_role(tmp_path) == Role("follower", URL, name)


def test_a_sealer_does_not_forget_that_it_waits(tmp_path: Path) -> None:
    init_chain(tmp_path, GENESIS)
    await_standby(tmp_path)
    assert is_standby(tmp_path, "0x01")
    await_standby(tmp_path)
    assert not is_standby(tmp_path, "0x02")
    assert not is_standby(tmp_path, "")
    last = hand_over(tmp_path)
    assert take_over(tmp_path, Digest(last.hash)) == last  # the way out, when the standby is lost
    assert not is_standby(tmp_path, "0x01")
    assert read_role(tmp_path) == SEALER
