"""A node that takes orders, cancellations and switches: it checks each signature, and signs receipts."""

from typing import Any, Final

from energy.identity import digest_from_hex, hex_text
from market.events import Outcome
from market.orders import Order, Side, TimeInForce
from node.orders.typed_data import cancel_digest, order_digest, receipt_digest
from oracles.signatures import recover, sign
from tests.support import small_node
from tests.support.small_node import DOMAIN, INTERVAL, NODE_KEY

JOURNAL_HASH: Final = "0x" + "4a" * 32


class SmallNode:
    """Takes orders and cancellations as a node does: checks the signature, signs a receipt."""

    def __init__(self, outcome: Outcome = Outcome.RESTING, receipt_key: bytes = NODE_KEY) -> None:
        self.outcome = outcome
        self.receipt_key = receipt_key
        self.placed: list[Order] = []
        self.cancelled: list[str] = []

    def answers(self) -> dict[str, Any]:
        return {
            "energy_getStatus": small_node.status(),
            "energy_getDomain": small_node.domain(),
            "energy_placeOrder": self.place,
            "energy_cancelOrder": self.cancel,
        }

    def place(self, sent: dict[str, Any], signature: str) -> dict[str, Any]:
        order = Order(
            bytes.fromhex(sent["account"][2:]),  # type: ignore[arg-type]
            sent["interval"],
            Side(sent["side"]),
            sent["quantityWh"],
            sent["limitPrice"],
            TimeInForce(sent["timeInForce"]),
            sent["nonce"],
            sent["expiry"],
        )
        digest = order_digest(DOMAIN, order)
        assert recover(digest, bytes.fromhex(signature[2:])) == order.account
        self.placed.append(order)
        filled_wh = order.quantity_wh if self.outcome is Outcome.FILLED else 0
        return self.receipt(digest, {"filledWh": filled_wh, "restingWh": order.quantity_wh - filled_wh})

    def cancel(self, sent: dict[str, Any], signature: str) -> dict[str, Any]:
        digest = digest_from_hex(sent["orderDigest"])
        account = bytes.fromhex(sent["account"][2:])
        assert recover(cancel_digest(DOMAIN, account, digest), bytes.fromhex(signature[2:])) == account  # type: ignore[arg-type]
        self.cancelled.append(sent["orderDigest"])
        self.outcome = Outcome.CANCELLED
        return self.receipt(digest, {"cancelledWh": 500})

    def receipt(self, digest: Any, more: dict[str, Any]) -> dict[str, Any]:
        signed = receipt_digest(DOMAIN, 77, digest_from_hex(JOURNAL_HASH), digest, self.outcome, INTERVAL - 600)
        return {
            "orderDigest": hex_text(digest),
            "sequence": 77,
            "acceptedAt": INTERVAL - 600,
            "journalHash": JOURNAL_HASH,
            "outcome": self.outcome.name.lower().replace("_", "-"),
            "receiptSignature": hex_text(sign(self.receipt_key, signed)),
            "node": small_node.status()["node"],
            **more,
        }
