"""A key that the community holds signs what its member's passkey has just answered for, and nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account as Wallet
from sqlmodel import Session

from energy.identity import Address, hex_text
from market.orders import Order, Side, TimeInForce
from node.api.app import create_web_app
from node.cli.failure import ExitCode
from node.cli.keystore import create_key
from node.cli.main import main
from node.clock import SimulatedClock, SystemClock
from node.coop.founding import COMMUNITY_FILE
from node.orders.typed_data import cancel_digest, order_digest, order_json
from node.rpc.ports import JsonObject
from node.signing.held_keys import HeldKeys, NotOpened, encoded
from node.storage.models import Account
from node.views.events import Broadcaster
from node.views.queries import Queries
from oracles.signatures import address_of, recover
from tests.support import small_node
from tests.support.asgi import request
from tests.support.ballot_doubles import PROPOSAL, CooperativeDouble
from tests.support.chain_double import ChainDouble
from tests.support.passkey_double import PRESENT, PasskeyDouble
from tests.support.small_community import NEXT, CoreDouble, filled_projection, word

KEY = b"\x07" * 32
MEMBER = address_of(KEY)
OTHER = Address(b"\x22" * 20)
HOST, ORIGIN = "localhost:8545", "http://localhost:8545"
UNTIL = 2_000


class Core(CoreDouble):
    def domain(self) -> JsonObject:
        return super().domain() | small_node.domain()


class Place:
    """A node that holds a key, and how to ask it."""

    def __init__(self, folder: Path) -> None:
        self.held, self.clock = HeldKeys(folder), SimulatedClock(1_000)
        self.account, self.invitation = self.held.invite(KEY, UNTIL)
        engine = filled_projection()
        with Session(engine) as session:
            session.add(Account(address=self.account, label="H09", kind="home"))
            session.commit()
        chain, news = ChainDouble(), Broadcaster()
        self.cooperative = CooperativeDouble(MEMBER)
        ballots = self.cooperative.ballots()
        self.app = create_web_app(
            Core(), Queries(engine), chain, news, clock=self.clock, held=self.held, ballots=ballots
        )

    def post(self, path: str, **body: Any) -> Any:
        return request(self.app, "POST", path, json=body, headers={"host": HOST, "origin": ORIGIN})

    def registration(self, invitation: str | None = None) -> Any:
        return self.post(f"/held/{self.account}/registration", invitation=invitation or self.invitation)

    def register(self, passkey: PasskeyDouble) -> Any:
        options = self.registration().json()
        made, secret = passkey.made(options), passkey.secret(options)
        return self.post(f"/held/{self.account}", invitation=self.invitation, credential=made, secret=secret)

    def challenge(self, kind: str, message: Any) -> Any:
        return self.post(f"/held/{self.account}/challenge", kind=kind, message=message)

    def signature(self, passkey: PasskeyDouble, kind: str, message: Any, **changes: Any) -> Any:
        options = self.challenge(kind, message).json()
        body = {"assertion": passkey.answered(options), "secret": passkey.secret(options)} | changes
        return self.post(f"/held/{self.account}/signature", kind=kind, message=message, **body)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def passkey() -> PasskeyDouble:
    return PasskeyDouble(ORIGIN, "localhost")


def order(nonce: int = 1, account: Address = MEMBER) -> Order:
    return Order(account, NEXT, Side.SELL, 500, 90_000, TimeInForce.GOOD_TILL_GATE, nonce=nonce, expiry=0)


def test_the_passkey_signs_orders_cancellations_and_the_sentence_of_signing_in(
    place: Place, passkey: PasskeyDouble
) -> None:
    assert place.register(passkey).status_code == 201
    signature = bytes.fromhex(place.signature(passkey, "Order", order_json(order())).json()["signature"][2:])
    assert recover(order_digest(small_node.DOMAIN, order()), signature) == MEMBER
    resting = word(0xEA, 1)
    cancel = {"account": place.account, "orderDigest": resting}
    signature = bytes.fromhex(place.signature(passkey, "Cancel", cancel).json()["signature"][2:])
    digest = cancel_digest(small_node.DOMAIN, MEMBER, bytes.fromhex(resting[2:]))  # type: ignore[arg-type]
    assert recover(digest, signature) == MEMBER
    asked = request(place.app, "GET", f"/session/challenge?account={place.account}", headers={"host": HOST})
    sentence = asked.json()["message"]
    answer = place.signature(passkey, "sentence", sentence).json()
    assert place.post("/session", message=sentence, **answer).json() == {"account": place.account, "role": "member"}


def test_the_passkey_signs_the_ballot_of_its_own_account_alone(place: Place, passkey: PasskeyDouble) -> None:
    place.register(passkey)
    query = f"proposalId={PROPOSAL}&support=1&voter="
    form = request(place.app, "GET", f"/api/v1/ballots/form?{query}{place.account}").json()
    answer = place.signature(passkey, "Ballot", form["message"]).json()
    assert place.post("/api/v1/ballots", ballot=form["message"], **answer).status_code == 201
    assert place.cooperative.votes == {MEMBER: 1}
    again = place.post("/api/v1/ballots", ballot=form["message"], **answer)
    assert (again.status_code, "voted on the proposal already" in again.json()["detail"]) == (409, True)
    other = request(place.app, "GET", f"/api/v1/ballots/form?{query}{hex_text(OTHER)}").json()["message"]
    assert place.challenge("Ballot", other).status_code == 400
    for wrong in ({"support": 3}, {"proposalId": "x"}, {"nonce": True}, {"voter": "0x12"}, {"more": 1}):
        assert place.challenge("Ballot", {**form["message"], **wrong}).status_code == 400, wrong


def test_an_answer_of_the_passkey_counts_for_the_digest_that_it_saw_alone(place: Place, passkey: PasskeyDouble) -> None:
    place.register(passkey)
    stolen = passkey.answered(place.challenge("Order", order_json(order(1))).json())
    refused = place.signature(passkey, "Order", order_json(order(2)), assertion=stolen)
    assert (refused.status_code, "challenge" in refused.json()["detail"]) == (403, True)


@pytest.mark.parametrize("wrong", ["origin", "host", "unverified", "passkey", "secret", "count"])
def test_what_the_passkey_did_not_answer_for_here_and_now_is_not_signed(
    place: Place, passkey: PasskeyDouble, wrong: str
) -> None:
    place.register(passkey)
    message = order_json(order())
    changes: dict[str, Any] = {}
    if wrong == "origin":
        passkey.origin = "http://elsewhere.example"
    elif wrong == "host":
        passkey._host = bytes(32)
    elif wrong == "unverified":
        passkey.flags = PRESENT
    elif wrong == "passkey":
        changes["assertion"] = PasskeyDouble(ORIGIN, "localhost", 2).answered(place.challenge("Order", message).json())
    elif wrong == "secret":
        changes["secret"] = encoded(bytes(32))
    else:
        assert place.signature(passkey, "Order", message).status_code == 200
        passkey.count = 0
    refused = place.signature(passkey, "Order", message, **changes)
    assert (refused.status_code, "signature" in refused.json()) == (403, False)


def test_an_invitation_counts_once_and_for_its_time(place: Place, passkey: PasskeyDouble) -> None:
    assert place.registration(encoded(bytes(32))).status_code == 403
    assert place.registration("not base64!").status_code == 403
    place.clock.advance_to(UNTIL + 1)
    assert place.registration().status_code == 403
    place.account, place.invitation = place.held.invite(KEY, UNTIL + 100)
    assert place.challenge("Order", order_json(order())).status_code == 404, "no passkey yet"
    assert place.register(passkey).status_code == 201
    assert place.registration().status_code == 403, "used"


def test_a_passkey_that_was_made_elsewhere_or_without_the_member_is_refused(place: Place) -> None:
    for origin, host, flags in [
        ("http://elsewhere.example", "localhost", 5), (ORIGIN, "elsewhere.example", 5), (ORIGIN, "localhost", PRESENT),
    ]:  # fmt: skip
        passkey = PasskeyDouble(origin, host)
        passkey.flags = flags
        assert place.register(passkey).status_code == 403
    options = place.registration().json()
    place.clock.advance_to(1_301)
    late = PasskeyDouble(ORIGIN, "localhost")
    body = {"credential": late.made(options), "secret": late.secret(options)}
    assert place.post(f"/held/{place.account}", invitation=place.invitation, **body).status_code == 403


def test_only_the_own_orders_and_known_messages_are_signed(place: Place, passkey: PasskeyDouble) -> None:
    place.register(passkey)
    for kind, message in [
        ("Order", order_json(order(account=OTHER))),
        ("Cancel", {"account": hex_text(OTHER), "orderDigest": word(0xEA, 1)}),
        ("sentence", "Give all my money away."),
        ("Halt", {}),
        ("Order", {}),
    ]:
        assert place.challenge(kind, message).status_code == 400


def test_the_file_opens_nothing_and_is_for_its_owner_alone(tmp_path: Path, place: Place) -> None:
    path = tmp_path / "held" / f"{place.account}.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert KEY.hex() not in path.read_text()
    assert place.invitation not in path.read_text()
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document | {"account": hex_text(OTHER)}))
    with pytest.raises(NotOpened):
        place.held.invited(MEMBER, place.invitation, 1_000)


def test_rpc_and_the_api_know_nothing_of_held_keys(place: Place) -> None:
    paths: Any = request(place.app, "GET", "/openapi.json").json()["paths"]
    assert not [path for path in paths if path.startswith("/api/") and ("held" in path or "hold" in path)]
    assert len([path for path in paths if path.startswith("/held/{account}")]) == 4
    assert Wallet.from_key(KEY).address.lower() == place.account


def test_the_operator_takes_a_key_in_by_its_keystore(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keystore = create_key(tmp_path / "keys", "carol", "her password", scrypt=False)
    (tmp_path / "password").write_text("her password\n")
    command = ["key", "hold", str(keystore.path), "--password-file", str(tmp_path / "password"), "--json", "--dir"]
    assert main([*command, str(tmp_path)]) == ExitCode.FAILED, "no community"
    (tmp_path / COMMUNITY_FILE).write_text("{}")
    capsys.readouterr()
    assert main([*command, str(tmp_path)]) == ExitCode.OK
    printed = json.loads(capsys.readouterr().out)
    address, invitation = printed["invitation"].split("#")
    assert address == f"http://localhost:8080/hold/{hex_text(keystore.account)}"
    key = HeldKeys(tmp_path).invited(keystore.account, invitation, SystemClock().now() + 6 * 86_400)
    assert address_of(key) == keystore.account
    with pytest.raises(NotOpened, match="too old"):
        HeldKeys(tmp_path).invited(keystore.account, invitation, SystemClock().now() + 8 * 86_400)
