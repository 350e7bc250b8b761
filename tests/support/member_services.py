"""Rules and ballots over doubles of node and chain, and what a member of them signs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from sqlmodel import Session

from energy.identity import hex_text
from market.config import MarketConfig
from node.coop.ballots import Ballots
from node.rules.carrying import Rules
from node.rules.rule import Rule, rule_digest
from node.signing.held_keys import HeldKeys
from node.storage.models import Account
from node.views.queries import Queries
from oracles.signatures import address_of, sign
from oracles.typed_data import BALLOT, community_domain, digest
from tests.support import small_node
from tests.support.ballot_doubles import CHAIN_ID, COOPERATIVE, PROPOSAL, CooperativeDouble
from tests.support.small_community import CoreDouble, filled_projection

KEY: Final = small_node.MEMBER_KEY
MEMBER: Final = address_of(KEY)


class Services:
    """A member's node: its queries, rules and ballots."""

    def __init__(self, folder: Path) -> None:
        engine = filled_projection()
        with Session(engine) as session:
            session.add(Account(address=hex_text(MEMBER), label="H09", kind="home"))
            session.commit()
        self.core, self.queries, self.held = CoreDouble(), Queries(engine), HeldKeys(folder)
        self.rules = Rules(self.core, self.queries, self.held, folder, small_node.DOMAIN, MarketConfig())
        self.cooperative = CooperativeDouble(MEMBER)
        self.ballots: Ballots = self.cooperative.ballots()


@contextmanager
def services() -> Iterator[Services]:
    """Give the services over a folder for files."""
    with TemporaryDirectory() as folder:
        yield Services(Path(folder))


def signed_rule(form: dict[str, Any], key: bytes = KEY) -> list[Any]:
    """Return the parameters of `energy_putRule` for a form that a member signs."""
    message = form["message"]
    return [message, hex_text(sign(key, rule_digest(small_node.DOMAIN, Rule.of(message))))]


def signed_ballot(form: dict[str, Any], key: bytes = KEY) -> list[Any]:
    """Return the parameters of `energy_castBallot` for a form that a member signs."""
    message = form["message"]
    values = (PROPOSAL, int(message["support"]), MEMBER, int(message["nonce"]))
    return [message, hex_text(sign(key, digest(community_domain(CHAIN_ID, COOPERATIVE), BALLOT.hash(values))))]
