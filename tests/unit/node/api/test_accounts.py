import csv
import io
from typing import Any

import pytest
from eth_account import Account as Wallet
from eth_account.messages import encode_defunct
from sqlmodel import Session

from energy.identity import hex_text
from node.api.app import create_web_app
from node.api.sessions import CHALLENGE_S, SESSION_S, SESSIONS_MAX, NotSignedIn, Role, Sessions
from node.clock import SimulatedClock
from node.storage.models import Account
from node.views.events import Broadcaster
from node.views.queries import Queries
from oracles.signatures import address_of
from tests.support.asgi import request
from tests.support.chain_double import ChainDouble
from tests.support.small_community import FIRST, HOMES, CoreDouble, filled_projection

KEY, AUDITOR_KEY, STRANGER_KEY = (bytes([number]) * 32 for number in (7, 8, 9))
MEMBER, AUDITOR = (hex_text(address_of(key)) for key in (KEY, AUDITOR_KEY))
ELSEWHERE: Any = {"client": ("10.0.0.7", 40_000)}
ENGINE = filled_projection()
with Session(ENGINE) as _session:
    _session.add(Account(address=MEMBER, label="H09", kind="home"))
    _session.commit()
QUERIES = Queries(ENGINE)
CLOCK = SimulatedClock(1_000)
APP = create_web_app(
    CoreDouble(demo=False), QUERIES, ChainDouble(), Broadcaster(), auditors=[AUDITOR], rpc_port=8_545, clock=CLOCK
)
DEMO = create_web_app(CoreDouble(), QUERIES, ChainDouble(), Broadcaster())
HOST = "127.0.0.1:8080"
BILL = f"/accounts/{HOMES[2]}/bills/2017-05"


def sign_in(key: bytes, account: str) -> Any:
    message = request(APP, "GET", f"/session/challenge?account={account}", **ELSEWHERE).json()["message"]
    signature = Wallet.sign_message(encode_defunct(text=message), key).signature.hex()
    body = {"message": message, "signature": "0x" + signature.removeprefix("0x")}
    return request(APP, "POST", "/session", json=body, **ELSEWHERE)


def test_total_of_a_bill_is_the_same_on_the_page_in_json_and_in_csv() -> None:
    answer: Any = request(APP, "GET", f"{BILL}.json").json()
    rows = list(csv.DictReader(io.StringIO(request(APP, "GET", f"{BILL}.csv").text)))
    expected = sum(int(entry["amountNeur"] or 0) for entry in QUERIES.entries(account=HOMES[2]))
    assert answer["amountNeur"] == expected < 0
    assert sum(line["amountNeur"] for line in answer["lines"]) == expected
    assert sum(entry["amountNeur"] for entry in answer["entries"]) == expected
    assert sum(int(row["amountNeur"]) for row in rows) == expected
    html = request(APP, "GET", BILL).text
    assert f"to pay: €{-expected / 10**9:.2f}" in html
    assert f"-€{-expected / 10**9:.4f}" in html


def test_bills_are_for_the_account_the_auditor_and_the_nodes_own_machine_only() -> None:
    assert request(APP, "GET", BILL).status_code == 200
    for path in (BILL, f"{BILL}.json", f"{BILL}.csv"):
        assert request(APP, "GET", path, **ELSEWHERE).status_code == 403
        assert request(DEMO, "GET", path, **ELSEWHERE).status_code == 200, "nobody is harmed"
    assert "Bills are personal" in request(APP, "GET", f"/accounts/{HOMES[2]}", **ELSEWHERE).text
    member, auditor = (sign_in(key, account) for key, account in ((KEY, MEMBER), (AUDITOR_KEY, AUDITOR)))
    assert (member.json(), auditor.json()) == (
        {"account": MEMBER, "role": "member"},
        {"account": AUDITOR, "role": "auditor"},
    )
    cookies = [answer.headers["set-cookie"].partition(";")[0] for answer in (member, auditor)]
    statuses = [
        request(APP, "GET", path, headers={"cookie": cookie}, **ELSEWHERE).status_code
        for cookie in cookies
        for path in (BILL, f"/accounts/{MEMBER}/bills/2017-05")
    ]
    assert statuses == [403, 404, 200, 404]
    assert "HttpOnly" in member.headers["set-cookie"]
    assert "SameSite=strict" in member.headers["set-cookie"]


def test_a_session_ends_when_it_is_closed_and_by_itself() -> None:
    for end in ("close", "wait"):
        cookie = {"cookie": sign_in(AUDITOR_KEY, AUDITOR).headers["set-cookie"].partition(";")[0]}
        assert request(APP, "GET", BILL, headers=cookie, **ELSEWHERE).status_code == 200
        if end == "close":
            assert request(APP, "DELETE", "/session", headers=cookie, **ELSEWHERE).status_code == 204
        else:
            CLOCK.advance_to(CLOCK.now() + SESSION_S + 1)
        assert request(APP, "GET", BILL, headers=cookie, **ELSEWHERE).status_code == 403


def test_only_the_account_itself_signs_in_with_a_fresh_sentence_once() -> None:
    assert sign_in(STRANGER_KEY, MEMBER).status_code == 403
    stranger = hex_text(address_of(STRANGER_KEY))
    refused = sign_in(STRANGER_KEY, stranger)
    assert (refused.status_code, "no member" in refused.json()["detail"]) == (403, True)
    sessions = Sessions(lambda account: Role.MEMBER)
    texts = [sessions.challenge(MEMBER, HOST, "http", 1, 1_000) for _ in range(2)]
    signatures = [Wallet.sign_message(encode_defunct(text=text), KEY).signature for text in texts]
    token, _ = sessions.open(texts[0], signatures[0], HOST, 1_000)
    assert sessions.reader(token, 1_000) is not None
    for text, signature, now in [
        (texts[0], signatures[0], 1_000),
        (texts[1], signatures[1], 1_000 + CHALLENGE_S + 1),
        ("let me in", signatures[1], 1_000),
    ]:
        with pytest.raises(NotSignedIn, match="ask for a new one"):
            sessions.open(text, signature, HOST, now)


def signed_sentence(text: str) -> bytes:
    return bytes(Wallet.sign_message(encode_defunct(text=text), KEY).signature)


def test_nobody_can_make_the_node_forget_a_sentence_that_it_gave_another() -> None:
    sessions = Sessions(lambda account: Role.MEMBER)
    text = sessions.challenge(MEMBER, HOST, "http", 1, 1_000)
    for number in range(2_000):
        sessions.challenge(f"0x{number:040x}", HOST, "http", 1, 1_000)
    assert sessions.open(text, signed_sentence(text), HOST, 1_000)[1].account == MEMBER


def test_a_sentence_counts_as_it_was_given_out_and_where() -> None:
    sessions = Sessions(lambda account: Role.MEMBER)
    text = sessions.challenge(MEMBER, HOST, "http", 1, 1_000)
    changed = [
        (text.replace("00:16:40", "00:16:41"), HOST),  # issued later
        (text.replace("Chain ID: 1", "Chain ID: 2"), HOST),
        (text.replace("Nonce: ", "Nonce: 0"), HOST),
        (text.replace("my bills", "the money"), HOST),
        (text.replace(HOST, "elsewhere.example"), "elsewhere.example"),
        (text, "elsewhere.example"),
        (text + "\n", HOST),
    ]
    for other, host in changed:
        with pytest.raises(NotSignedIn, match="ask for a new one"):
            sessions.open(other, signed_sentence(other), host, 1_000)
    with pytest.raises(NotSignedIn, match="ask for a new one"):
        Sessions(lambda account: Role.MEMBER).open(text, signed_sentence(text), HOST, 1_000)
    sessions.open(text, signed_sentence(text), HOST, 1_000)


def test_an_account_that_signs_in_often_ends_its_own_sessions_alone() -> None:
    sessions = Sessions(lambda account: Role.MEMBER)
    other = sessions.challenge(AUDITOR, HOST, "http", 1, 1_000)
    kept, _ = sessions.open(
        other, bytes(Wallet.sign_message(encode_defunct(text=other), AUDITOR_KEY).signature), HOST, 1_000
    )
    tokens = []
    for _ in range(SESSIONS_MAX + 1):
        text = sessions.challenge(MEMBER, HOST, "http", 1, 1_000)
        tokens.append(sessions.open(text, signed_sentence(text), HOST, 1_000)[0])
    assert [sessions.reader(token, 1_000) is not None for token in (kept, *tokens)] == [True, False] + [
        True
    ] * SESSIONS_MAX


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 400),
        ({"origin": "http://127.0.0.1:8545"}, 400),
        ({"origin": "http://127.0.0.1:8545", "sec-fetch-site": "same-origin"}, 400),
        ({"origin": "http://elsewhere.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
    ],
)
def test_what_another_sites_page_sends_is_refused(headers: dict[str, str], status: int) -> None:
    for path in ("/session", "/api/v1/orders"):
        answer = request(APP, "POST", path, json={}, headers=headers)
        assert answer.status_code == status


def test_an_account_shows_its_orders_its_day_and_its_certificates() -> None:
    html = request(DEMO, "GET", f"/accounts/{HOMES[2]}").text
    start, end = FIRST - 18_000, FIRST + 68_400
    trades: Any = request(DEMO, "GET", f"/trades.json?account={HOMES[2]}&from={start}&to={end}").json()["items"]
    assert f"€{sum(row['amountNeur'] for row in trades) / 10**9:.2f}" in html
    assert 'data-rpc="http://127.0.0.1:8545"' in html
    assert "/certificates/" in html
    assert request(DEMO, "GET", "/accounts/0x" + "ab" * 20).status_code == 404
    assert request(DEMO, "GET", "/accounts/alice").status_code == 400
    assert request(DEMO, "GET", f"/accounts/{HOMES[2]}/bills/2017-13").status_code == 400
    assert request(DEMO, "GET", f"/accounts/{HOMES[2]}/bills/2017-06").status_code == 404
