"""Any sequence of taking out, splitting, moving, claiming and charging certificates keeps C1, C2 and C3."""

from dataclasses import dataclass, replace
from itertools import pairwise

from eth_utils.crypto import keccak
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.support.certificates import (
    CERTIFICATE_WH,
    certificate,
    enrol,
    leaf_of,
    open_readings,
    plant,
    reading,
    salt_of,
)
from tests.support.community import FIRST_INTERVAL, INTERVAL_LENGTH, MEMBERS, OWNER, found_community
from tests.support.evm import Receipt, refusal

ACCOUNTS = [member.address for member in MEMBERS]
RUNS, PER_RUN = 2, 6
CERTIFIED_WH = 4 * CERTIFICATE_WH
"""Less than the tree holds: attestors have let a wrong tree pass."""
DRAWN_WH = 150
EFFICIENCY_PERMILLE = 870
STORE = keccak(text="store")
HOUSES = [keccak(text=f"house {number}") for number in range(len(ACCOUNTS))]
METERS = [*HOUSES, STORE]
SOLAR, UNKNOWN, STORED = 1, 0, 2

COMMUNITY = found_community()
for place, meter in enumerate(METERS):
    enrol(COMMUNITY, meter, ACCOUNTS[place % len(ACCOUNTS)], 2 if meter == STORE else 1)
COMMUNITY.certificates.transact("enrolStore", STORE, 0, EFFICIENCY_PERMILLE, sender=OWNER)
OPENED = [
    certificate(number, ACCOUNTS[number % len(ACCOUNTS)])
    | {"interval": FIRST_INTERVAL + number // PER_RUN * INTERVAL_LENGTH}
    | ({"device": STORE, "source": UNKNOWN} if number % 2 else {})
    for number in range(RUNS * PER_RUN)
]
READINGS = [[reading(meter, DRAWN_WH, step=step) for meter in METERS] for step in range(RUNS)]
DRAWN = [open_readings(readings) for readings in READINGS]
PROOFS = [
    proof
    for step in range(RUNS)
    for proof in plant(
        COMMUNITY, OPENED[step * PER_RUN :][:PER_RUN], step=step, certified_wh=CERTIFIED_WH, readings=READINGS[step]
    )
]
IDS = [int.from_bytes(leaf_of(values), "big") for values in OPENED]
FOUNDATION = COMMUNITY.evm.snapshot()

accounts = st.sampled_from(ACCOUNTS)
positions = st.integers(0, len(OPENED) - 1)
picks = st.integers(0, 10**6)
amounts = st.integers(0, CERTIFICATE_WH)


@dataclass(frozen=True, slots=True)
class Part:
    """A bundle as the auditor knows it."""

    position: int
    holder: str
    from_wh: int
    to_wh: int
    source: int
    live: bool = True

    @property
    def step(self) -> int:
        return self.position // PER_RUN

    @property
    def wh(self) -> int:
        return self.to_wh - self.from_wh


class Origin(RuleBasedStateMachine):
    """The certificates beside an auditor that keeps its own list of every Wh."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: dict[int, Part] = {}
        self.claimed: dict[int, str] = {}
        self.used = dict.fromkeys(((meter, step) for meter in METERS for step in range(RUNS)), 0)
        self.charges: list[list[int]] = []
        """Step and what is left of each."""

    @initialize()
    def found(self) -> None:
        COMMUNITY.evm.restore(FOUNDATION)

    @rule(position=positions)
    def materialise(self, position: int) -> None:
        values, run_id = OPENED[position], position // PER_RUN + 1
        expected = "BeyondCertified" if self._out_wh(run_id) + CERTIFICATE_WH > CERTIFIED_WH else None
        if IDS[position] in self.parts:
            expected = "AlreadyMaterialised"
        arguments = (run_id, values, salt_of(values), PROOFS[position])
        if self._act("materialise", *arguments, sender=values["owner"], expected=expected):
            self.parts[IDS[position]] = Part(
                position, values["owner"], values["fromWh"], values["toWh"], values["source"]
            )

    @rule(pick=picks, sender=accounts, taker=accounts)
    def transfer(self, pick: int, sender: str, taker: str) -> None:
        if chosen := self._chosen(pick):
            token_id, part = chosen
            expected = None if part.holder == sender else "ERC1155InsufficientBalance"
            expected = expected if part.live else "NotCirculating"
            arguments = (sender, taker, token_id, part.wh, b"")
            if self._act("safeTransferFrom", *arguments, sender=sender, expected=expected):
                self.parts[token_id] = replace(part, holder=taker)

    @rule(pick=picks, sender=accounts, wh=amounts)
    def split(self, pick: int, sender: str, wh: int) -> None:
        if chosen := self._chosen(pick):
            token_id, part = chosen
            expected = self._refused(part, sender) or (None if 0 < wh < part.wh else "SplitOutside")
            if receipt := self._act("split", token_id, wh, sender=sender, expected=expected):
                event = receipt.event("Split")
                self._end(token_id)
                self.parts[event["first"]] = replace(part, to_wh=part.from_wh + wh)
                self.parts[event["second"]] = replace(part, from_wh=part.from_wh + wh)

    @rule(pick=picks, house=st.sampled_from(HOUSES), step=st.integers(0, RUNS - 1))
    def claim(self, pick: int, house: bytes, step: int) -> None:
        if chosen := self._chosen(pick):
            token_id, part = chosen
            beneficiary = ACCOUNTS[HOUSES.index(house)]
            expected = None if step == part.step else "OtherInterval"
            if expected is None and self.used[house, step] + part.wh > DRAWN_WH:
                expected = "BeyondConsumption"
            expected = expected if part.live else "NotCirculating"
            arguments = (token_id, beneficiary, DRAWN[step][house])
            if self._act("claim", *arguments, sender=part.holder, expected=expected):
                self._end(token_id)
                self.claimed[token_id] = beneficiary
                self.used[house, step] += part.wh

    @rule(pick=picks)
    def charge(self, pick: int) -> None:
        if chosen := self._chosen(pick):
            token_id, part = chosen
            sender = part.holder
            left_wh = part.wh * EFFICIENCY_PERMILLE // 1000
            expected = None if left_wh else "NothingComesOut"
            if self.used[STORE, part.step] + part.wh > DRAWN_WH:
                expected = "BeyondConsumption"
            if sender != ACCOUNTS[0]:
                expected = "NotTheMeterOf"
            if self.charges and part.step < self.charges[-1][0]:
                expected = "ChargesDescend"
            expected = self._refused(part, sender) or expected
            if self._act("charge", token_id, DRAWN[part.step][STORE], sender=sender, expected=expected):
                self._end(token_id)
                self.used[STORE, part.step] += part.wh
                self.charges.append([part.step, left_wh])

    @rule(pick=picks)
    def discharge(self, pick: int) -> None:
        if chosen := self._chosen(pick):
            token_id, part = chosen
            number = next((place for place, (_, left_wh) in enumerate(self.charges) if left_wh), len(self.charges))
            expected = None
            if number == len(self.charges):
                expected = "NotTheNextCharge"
            elif self.charges[number][0] >= part.step:
                expected = "ChargedLater"
            if part.source != UNKNOWN:
                expected = "OriginKnown"
            if part.source == SOLAR:
                expected = "NotAStore"
            expected = expected if part.live else "NotCirculating"
            if receipt := self._act("discharge", token_id, number + 1, sender=ACCOUNTS[0], expected=expected):
                event = receipt.event("Discharged")
                assert event["wh"] == min(part.wh, self.charges[number][1])
                self.charges[number][1] -= event["wh"]
                self._end(token_id)
                self.parts[event["newId"]] = replace(part, to_wh=part.from_wh + event["wh"], source=STORED)
                issued = [each.arguments["id"] for each in receipt.events if each.name == "IssuanceSingle"]
                for rest in issued[1:]:
                    self.parts[rest] = replace(part, from_wh=part.from_wh + event["wh"])

    @invariant()
    def c1_no_more_is_out_than_was_certified_and_no_wh_twice(self) -> None:
        for run_id in range(1, RUNS + 1):
            out_wh = COMMUNITY.certificates.call("materialisedWh", run_id)
            assert out_wh == self._out_wh(run_id)
            assert out_wh <= CERTIFIED_WH
        for position in {part.position for part in self.parts.values()}:
            parts = [(i, p) for i, p in self.parts.items() if p.position == position and (p.live or i in self.claimed)]
            ranges = sorted((part.from_wh, part.to_wh) for _, part in parts)
            assert all(before[1] <= after[0] for before, after in pairwise(ranges))

    @invariant()
    def c2_what_is_claimed_is_held_no_more(self) -> None:
        for token_id, part in self.parts.items():
            held = COMMUNITY.certificates.call("balanceOf", part.holder, token_id)
            assert held == (part.wh if part.live else 0)
        for token_id, beneficiary in self.claimed.items():
            claimed = COMMUNITY.certificates.call("claimedBalanceOf", beneficiary, token_id)
            assert claimed == self.parts[token_id].wh

    @invariant()
    def c3_storage_gives_no_more_than_it_took(self) -> None:
        out_wh = sum(p.wh for i, p in self.parts.items() if p.source == STORED and (p.live or i in self.claimed))
        assert out_wh * 1000 <= sum(self.used[STORE, step] for step in range(RUNS)) * EFFICIENCY_PERMILLE

    def _chosen(self, pick: int) -> tuple[int, Part] | None:
        return list(self.parts.items())[pick % len(self.parts)] if self.parts else None

    def _refused(self, part: Part, sender: str) -> str | None:
        if not part.live:
            return "NotCirculating"
        return None if part.holder == sender else "NotTheHolder"

    def _end(self, token_id: int) -> None:
        self.parts[token_id] = replace(self.parts[token_id], live=False)

    def _out_wh(self, run_id: int) -> int:
        return sum(
            CERTIFICATE_WH for place, each in enumerate(IDS) if each in self.parts and place // PER_RUN + 1 == run_id
        )

    def _act(self, function: str, *arguments: object, sender: str, expected: str | None) -> Receipt | None:
        """Do it; say whether it went through, as expected."""
        receipts: list[Receipt] = []
        act = lambda: receipts.append(COMMUNITY.certificates.transact(function, *arguments, sender=sender))  # noqa: E731
        assert refusal(act) == expected
        return receipts[0] if receipts else None


Origin.TestCase.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
test_origin = Origin.TestCase
