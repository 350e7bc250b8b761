"""The switch that stops an account: its member's own, and the operator's.

While either is on, the account's orders are out of all books whose gate is open, and new ones are refused. What has
been traded stays firm. A member can not lift the operator's switch, nor the operator the member's.
Units: UTC epoch seconds. Refuses: strangers, and a member's switch that is not newer than its last one.
"""

from energy.identity import hex_text
from energy.results import Accepted, Rejected
from market.commands import HaltAccount
from market.events import AccountHalted, CancelReason, Event
from market.leaving import drop, drop_expired
from market.rejections import MarketReject
from market.state import MarketState


def halt(state: MarketState, command: HaltAccount, now: int) -> Accepted[Event] | Rejected:
    """Turn a switch on or off; turning it on takes the account's orders out of every book whose gate is open."""
    account = state.accounts.get(command.account)
    if account is None:
        return Rejected(MarketReject.UNKNOWN_ACCOUNT, {"account": hex_text(command.account)})
    if not command.by_operator:
        if command.nonce <= account.switch_nonce:
            return Rejected(MarketReject.DUPLICATE_NONCE, {"nonce": command.nonce})
        account.switch_nonce = command.nonce
        account.halted_by_member = command.halted
    else:
        account.halted_by_operator = command.halted
    events: list[Event] = []
    for interval, session in sorted(state.sessions.items()) if command.halted else ():
        if now < state.config.gate_closure(interval):
            own = [resting for resting in account.resting.values() if resting.order.home == interval]
            if own:
                events += drop_expired(state, [session], now)
                live = [resting for resting in own if session.is_resting(resting)]
                events += drop(state, sorted(live, key=lambda r: r.arrival), CancelReason.HALTED)
    events.append(AccountHalted(command.account, account.halted_by_member, account.halted_by_operator))
    return Accepted(tuple(events))
