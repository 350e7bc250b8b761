"""An account's net is the sum of its lines: all of them can be asked for, and none may lie beyond."""

from typing import Any

import pytest
from eth_utils.crypto import keccak

from oracles.typed_data import ENTRY
from tests.support.community import MEMBERS
from tests.support.disputes import (
    Books,
    Disputed,
    honest_books,
)
from tests.support.evm import Reverted, reverts
from tests.support.questions import (
    ASKER,
    BEYOND_STATEMENT,
    MAX_GAS,
    MEMBER,
    Asked,
    close_unanswered,
    opened,
    settle,
)
from tests.support.typed_data_vectors import pack_nets, pages_hash


def test_net_without_a_statement_costs_the_run(disputed: Disputed) -> None:
    def move_a_cent(books: Books) -> None:
        (first, net), (second, other), *rest = books.nets
        books.nets = [(first, net + 1), (second, other - 1), *rest]

    asked = settle(disputed, move_a_cent)
    account, _ = asked.books.nets[0]
    identity = asked.ask("askStatement", *asked.published(), account)
    for first in asked.lines(account):
        for last in asked.lines(account):
            with reverts("Unrelated"):
                asked.answer("answerStatement", asked.net(account), opened(first), opened(last))
    close_unanswered(asked, identity)


@pytest.mark.parametrize("place", [0, 1, -1])
def test_account_left_out_of_the_nets_asks_by_one_of_its_lines(disputed: Disputed, place: int) -> None:
    def leave_out(books: Books) -> None:
        _, moved = books.nets.pop(place)
        other, net = books.nets[0]
        books.nets[0] = (other, net + moved)

    account = honest_books(disputed).nets[place][0]
    asked = settle(disputed, leave_out)
    with reverts("Unrelated"):
        asked.ask("askStatement", *asked.published(), account)
    close_unanswered(asked, asked.ask("askStatementOfEntry", *asked.published(), opened(asked.lines(account)[0])))


def test_other_run_or_nets_are_not_asked_about(asked: Asked) -> None:
    run, nets = asked.published()
    shortened = nets | {"pages": [nets["pages"][0][32:]]}
    unknown = nets | {"before": [bytes(32)]}
    nothing = {"before": [], "pages": [], "rest": run["netsHash"]}
    for arguments in ((run | {"tradedWh": 1}, nets), (run, shortened), (run, unknown), (run, nothing)):
        with reverts("Unrelated"):
            asked.ask("askStatement", *arguments, MEMBER)


def test_statement_is_of_one_account_and_forward(asked: Asked) -> None:
    asked.ask("askStatement", *asked.published(), MEMBER)
    own, foreign = asked.lines(MEMBER), asked.lines(MEMBERS[0].address)
    for first, last in ((own[-1], own[0]), (foreign[0], own[-1]), (own[0], foreign[-1])):
        with reverts("Unrelated"):
            asked.answer("answerStatement", asked.net(MEMBER), opened(first), opened(last))


@pytest.mark.parametrize("hidden", [0, -1], ids=["first", "last"])
def test_line_beyond_the_statement_voids_the_run(disputed: Disputed, hidden: int) -> None:
    """The operator hides a line at one end: its net covers the others only."""
    asked = _with_hidden_lines(disputed, slice(0, 1) if hidden == 0 else slice(-1, None))
    own = asked.lines(MEMBER)
    asked.ask("askStatement", *asked.published(), MEMBER)
    shown = own[1:] if hidden == 0 else own[:-1]
    asked.answer("answerStatement", asked.net(MEMBER), opened(shown[0]), opened(shown[-1]))
    arguments = (1, asked.net(MEMBER), opened(own[hidden]))
    receipt = disputed.questions.transact("proveBeyondStatement", *arguments, sender=ASKER)
    assert receipt.gas_used < MAX_GAS
    assert receipt.event("FraudProven")["kind"] == BEYOND_STATEMENT


def test_statement_of_one_line_is_one(disputed: Disputed) -> None:
    asked = _with_hidden_lines(disputed, slice(1, None))
    only = opened(asked.lines(MEMBER)[0])
    asked.ask("askStatement", *asked.published(), MEMBER)
    shown = asked.answer("answerStatement", asked.net(MEMBER), only, only).event("StatementShown")
    assert (shown["first"], shown["last"]) == (1, 1)


def test_line_within_the_statement_is_as_it_should_be(asked: Asked) -> None:
    own = asked.lines(MEMBER)
    net = asked.net(MEMBER)
    with reverts("NotInStatement", MEMBER, 1):
        asked.disputed.questions.transact("proveBeyondStatement", 1, net, opened(own[0]), sender=ASKER)
    asked.ask("askStatement", *asked.published(), MEMBER)
    asked.answer("answerStatement", net, opened(own[0]), opened(own[-1]))
    for line in own:
        with reverts("NothingWrong", BEYOND_STATEMENT):
            asked.disputed.questions.transact("proveBeyondStatement", 1, net, opened(line), sender=ASKER)
    foreign = asked.lines(MEMBERS[0].address)[0]
    with reverts("Unrelated"):
        asked.disputed.questions.transact("proveBeyondStatement", 1, net, opened(foreign), sender=ASKER)


def test_every_line_of_a_statement_can_be_asked_for(asked: Asked) -> None:
    own, net = asked.lines(MEMBER), asked.net(MEMBER)
    identity = asked.ask("askStatement", *asked.published(), MEMBER)
    shown = asked.answer("answerStatement", net, opened(own[0]), opened(own[-1])).event("StatementShown")
    assert shown == {"id": identity, "first": 1, "last": own[-1].integer("sequence")}
    for line in own:
        asked.ask("askEntry", net, line.integer("sequence"))
        asked.answer("answerEntry", opened(line))
    for beyond in (0, own[-1].integer("sequence") + 1):
        with reverts("NotInStatement", MEMBER, beyond):
            asked.ask("askEntry", net, beyond)


def test_line_that_nobody_asked_for_answers_nothing(asked: Asked) -> None:
    with pytest.raises(Reverted) as caught:
        asked.answer("answerEntry", opened(asked.lines(MEMBER)[0]))
    assert caught.value.name == "NotAsked"


def test_missing_line_costs_the_run(disputed: Disputed) -> None:
    def skip_a_line(books: Books) -> None:
        account = bytes.fromhex(MEMBER[2:])
        place = next(p for p, line in enumerate(books.entries) if line[:2] == (account, 2))
        books.change(ENTRY, place, sequence=99)

    asked = settle(disputed, skip_a_line)
    own = sorted(asked.lines(MEMBER), key=lambda line: line.integer("sequence"))
    asked.ask("askStatement", *asked.published(), MEMBER)
    asked.answer("answerStatement", asked.net(MEMBER), opened(own[0]), opened(own[-2]))
    close_unanswered(asked, asked.ask("askEntry", asked.net(MEMBER), 2))


def _with_hidden_lines(disputed: Disputed, places: slice) -> Asked:
    def hide(books: Books) -> None:
        hidden = [line for line in books.entries if line[0] == bytes.fromhex(MEMBER[2:])][places]
        amount = sum(int(str(line[6])) for line in hidden)
        (other, _), *_ = [pair for pair in books.nets if pair[0] != MEMBER]
        correction = {MEMBER: -amount, other: amount}
        books.nets = [(account, net + correction.get(account, 0)) for account, net in books.nets]

    return settle(disputed, hide)


def test_paged_nets_are_asked_about_by_the_page_that_tells(disputed: Disputed) -> None:
    """A net by its page alone; that there is none, by pages from below the account to above it."""
    books = honest_books(disputed)
    run = disputed.settle(books, page_accounts=1)
    asked = Asked(disputed, books, run)
    told, _ = disputed.published[-1]
    pages = [pack_nets([net]) for net in books.nets]
    accounts = [account for account, _ in books.nets]

    place = accounts.index(MEMBER)
    line = opened(asked.lines(MEMBER)[0])
    for other in range(len(pages)):
        if other != place:
            with reverts("Unrelated"):
                asked.ask("askStatement", told, opened_pages(pages, other, other + 1), MEMBER)
            with reverts("Unrelated"):
                asked.ask("askStatementOfEntry", told, opened_pages(pages, other, other + 1), line)
    asked.ask("askStatement", told, opened_pages(pages, place, place + 1), MEMBER)
    asked.answer("answerStatement", asked.net(MEMBER), line, opened(asked.lines(MEMBER)[-1]))


def leave_out_paged(disputed: Disputed, place: int) -> tuple[Asked, str, dict[str, Any], list[bytes]]:
    """Settle nets without one account, in pages of one; return the account, the run and the pages too."""
    books = honest_books(disputed)
    account, moved = books.nets.pop(place)
    books.nets[0] = (books.nets[0][0], books.nets[0][1] + moved)
    asked = Asked(disputed, books, disputed.settle(books, page_accounts=1))
    return asked, account, disputed.published[-1][0], [pack_nets([net]) for net in books.nets]


def test_account_that_no_page_names_asks_with_the_pages_around_it(disputed: Disputed) -> None:
    asked, account, told, pages = leave_out_paged(disputed, 1)
    line = opened(asked.lines(account)[0])
    for first, end in ((0, 1), (1, 2), (1, len(pages))):
        with reverts("Unrelated"):
            asked.ask("askStatementOfEntry", told, opened_pages(pages, first, end), line)
    around = opened_pages(pages, 0, 2)
    close_unanswered(asked, asked.ask("askStatementOfEntry", told, around, line))


def test_pages_around_an_account_need_not_begin_with_the_first(disputed: Disputed) -> None:
    asked, account, told, pages = leave_out_paged(disputed, 2)
    around = opened_pages(pages, 1, 3)
    close_unanswered(asked, asked.ask("askStatementOfEntry", told, around, opened(asked.lines(account)[0])))


def opened_pages(pages: list[bytes], first: int, end: int) -> dict[str, Any]:
    """Return some pages of a run's nets, with what proves that they are its."""
    return {
        "before": [keccak(page) for page in pages[:first]],
        "pages": pages[first:end],
        "rest": pages_hash(pages[end:]),
    }
