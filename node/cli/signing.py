"""What a member's key signs for a node, and what the member believes of its answer."""

from typing import Final

from energy.identity import Digest, address_from_hex, digest_from_hex, hex_text
from market.events import Outcome
from node.cli.failure import ExitCode, Failure
from node.cli.node_client import JsonObject, NodeClient
from node.i18n import gettext as _
from node.orders.typed_data import receipt_digest
from oracles.signatures import recover
from oracles.typed_data import CANCEL, CONDITIONS, ORDER, Domain

OUTCOMES: Final = {
    "resting": Outcome.RESTING,
    "filled": Outcome.FILLED,
    "partly-filled-rest-cancelled": Outcome.PARTLY_FILLED_REST_CANCELLED,
    "cancelled": Outcome.CANCELLED,
}


def settlement_domain(node: NodeClient) -> Domain:
    """Return the domain under which a node takes orders.

    Raises:
        Failure: the node's orders are made of other fields than ours; signing them would be signing the unknown.
    """
    answer = node.call("energy_getDomain")
    for struct in (ORDER, CONDITIONS, CANCEL):
        fields = tuple((field["type"], field["name"]) for field in answer["types"].get(struct.name, ()))
        if fields != struct.fields:
            raise Failure(
                ExitCode.FAILED,
                _("This node's {struct} has other fields than the one this program signs.").format(struct=struct.name),
                _("Node and command line are of different versions: compare 'resilia version' with 'resilia status'."),
            )
    domain = answer["settlement"]
    return Domain(
        domain["name"], domain["version"], int(domain["chainId"]), address_from_hex(domain["verifyingContract"])
    )


def checked_receipt(domain: Domain, answer: JsonObject, order: Digest) -> None:
    """Check that a node's answer is a receipt for that order, signed by the node that it names.

    Raises:
        Failure: it is not (exit 3).
    """
    try:
        digest = receipt_digest(
            domain,
            int(answer["sequence"]),
            digest_from_hex(answer["journalHash"]),
            digest_from_hex(answer["orderDigest"]),
            OUTCOMES[answer["outcome"]],
            int(answer["acceptedAt"]),
        )
        signer = recover(digest, bytes.fromhex(answer["receiptSignature"][2:]))
        holds = answer["orderDigest"] == hex_text(order) and hex_text(signer) == answer["node"]
    except (KeyError, TypeError, ValueError):
        holds = False
    if not holds:
        raise Failure(
            ExitCode.NOT_VERIFIED,
            _("The node's receipt does not hold: it is for another order, or not signed by the node."),
            _("Look with 'resilia order list' whether the order is booked, and tell the operator of the node."),
            answer,
        )
