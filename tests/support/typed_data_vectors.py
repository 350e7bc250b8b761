"""Generator of tests/vectors/typed_data.json: `python -m tests.support.typed_data_vectors` rewrites the file.

Independent of everything that it tests: struct hashes and digests come from eth_account's EIP-712, the rest from
eth_abi, hmac and eth_utils. Bytes are lower-case 0x hexadecimal; integers are JSON integers, beyond 2^53 too.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from eth_abi.abi import encode
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

PATH: Final = Path(__file__).parents[1] / "vectors" / "typed_data.json"

DOMAIN: Final = {
    "name": "RESILIA-GRID",
    "version": "1",
    "chainId": 20_261_122,
    "verifyingContract": "0x00000000000000000000000000000000005e771e",
}

_FIELDS: Final = {
    "Order": "address account,uint64 interval,uint8 side,uint64 quantityWh,int64 limitPrice,uint8 timeInForce,"
    "uint64 nonce,uint64 expiry,uint32 maxCarbon,uint32 minLot,bytes32 partnerGroup,uint64 validFrom,"
    "uint64 lastInterval,uint32 greenPremium,Conditions conditions",
    "Conditions": "uint32 displayWh,uint8 selfTrade,bool allOrNone,bool postOnly,bool cancelOnDisconnect,"
    "bytes32 replaces,uint64 bundle,uint8 bundleLegs",
    "SignedOrder": "Order order,bytes signature",
    "Cancel": "address account,bytes32 orderDigest",
    "Receipt": "uint64 sequence,bytes32 journalHash,bytes32 orderDigest,uint8 outcome,uint64 acceptedAt",
    "Reading": "bytes32 meter,uint64 interval,uint32 period,uint64 importWh,uint64 exportWh,uint64 importIndexWh,"
    "uint64 exportIndexWh,uint16 quality,uint32 flags,uint64 sequence,bytes32 previousHash,bytes32 rawHash,"
    "uint64 observedAt",
    "IntervalReadings": "uint64 interval,bytes32 readingsRoot,uint64 importWh,uint64 exportWh",
    "Run": "uint64 runId,uint64 firstInterval,uint64 lastInterval,bytes32 ordersRoot,bytes32 tradesRoot,"
    "bytes32 readingsHash,bytes32 entriesRoot,bytes32 certificatesRoot,bytes32 netsHash,uint64 importWh,"
    "uint64 exportWh,uint64 tradedWh,uint64 certifiedWh,bytes32 previousRun",
    "Trade": "uint64 interval,uint64 number,int64 price,uint64 quantityWh,bytes32 buyOrder,bytes32 sellOrder,"
    "address buyer,address seller,uint64 buyFromWh,uint64 sellFromWh,uint64 sequence,uint64 matchedAt",
    "Certificate": "uint64 number,bytes32 device,uint64 interval,uint64 fromWh,uint64 toWh,address owner,"
    "uint8 source,uint8 state,uint32 carbon",
    "Entry": "address account,uint64 sequence,uint8 kind,uint64 interval,uint64 quantityWh,int64 price,"
    "int128 amount,int128 balanceBefore,int128 balanceAfter,bytes32 ref",
    "Halt": "address account,bool halted,uint64 nonce",
    "Look": "address account,uint64 until",
    "Correction": "bytes32 meter,uint64 interval,uint32 version,uint64 importWh,uint64 exportWh,uint16 quality,"
    "uint32 flags,bytes32 corrects,bytes32 rawHash,bytes32 reason,uint64 correctedAt",
    "Facts": "string kind,string place,uint64 knownAt,uint64 first,uint32 step,bytes values",
    "Rule": "address account,bool sells,int64 sellFrom,bool buys,int64 buyUpTo,uint64 since,uint64 until",
    "Ballot": "uint256 proposalId,uint8 support,address voter,uint256 nonce",
}

_LINK_FIELDS: Final = {
    "LinkRun": "bytes32 link,uint64 number,uint64 firstAward,uint64 lastAward,uint64 exportWh,uint64 importWh,"
    "uint64 voidWh,int128 netNeur,uint128 feeNeur,uint128 compensationNeur,bytes32 positionsHash,bytes32 previousRun",
    "Export": "bytes32 origin,uint64 number,bytes32 destination,address recipient,bytes32 device,uint64 interval,"
    "uint64 fromWh,uint64 toWh,uint8 source,uint32 carbon,bytes32 previousExport",
    "Lease": "bytes32 link,uint64 number,uint64 firstInterval,uint64 lastInterval,uint64 exportMaxWh,"
    "uint64 importMaxWh",
    "Offer": "bytes32 link,uint64 interval,uint64 lease,bytes32 curveHash,uint64 expiry",
    "Award": "bytes32 link,uint64 number,uint64 interval,bytes32 offer,int64 netExportWh,int64 price,uint64 issuedAt",
    "Decision": "bytes32 link,uint64 number,bytes32 award,uint8 outcome",
}


def _types(declared: Mapping[str, str]) -> dict[str, list[dict[str, str]]]:
    return {
        name: [{"name": field.split()[1], "type": field.split()[0]} for field in fields.split(",")]
        for name, fields in declared.items()
    }


TYPES: Final = _types(_FIELDS)
"""Every struct of one community as `eth_signTypedData_v4` wants it, without EIP712Domain."""

LINK_DOMAIN: Final = {"name": "RESILIA-LINK", "version": "1"}
"""Of what holds on the chains of both ends of a link."""

LINK_TYPES: Final = _types(_LINK_FIELDS)
"""What communities sign for each other: the first two their attestors, for the contract `Gateway`."""

_QUARTER_HOUR_S: Final = 900
_INTERVAL: Final = 1_751_371_200


def digest(domain: Mapping[str, Any], struct: str, values: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """Return (struct hash, EIP-712 digest) of one message as eth_account computes them."""
    message = encode_typed_data(dict(domain), _with_nested(struct), dict(values))
    return message.body, keccak(b"\x19" + message.version + message.header + message.body)


def _with_nested(struct: str) -> dict[str, list[dict[str, str]]]:
    types = {struct: (TYPES | LINK_TYPES)[struct]}
    for field in types[struct]:
        if field["type"] in TYPES:
            types |= _with_nested(field["type"])
    return types


def struct_hash(struct: str, values: Mapping[str, Any]) -> bytes:
    """Return the EIP-712 struct hash, which depends on no domain."""
    return digest(DOMAIN, struct, values)[0]


def type_hash(struct: str) -> bytes:
    """Return the hash of the type string of a struct without nested structs."""
    return keccak(text=f"{struct}({_FIELDS[struct]})")


def separator(domain: Mapping[str, Any]) -> bytes:
    """Return the EIP-712 domain separator."""
    fields = {"Empty": [{"name": "nothing", "type": "bool"}]}
    return encode_typed_data(dict(domain), fields, {"nothing": False}).header


def leaf(hashed: bytes, salt: bytes) -> bytes:
    """Return the Merkle leaf of a struct's hash: keccak twice, so that no inner node can pass for a leaf."""
    return keccak(keccak(encode(["bytes32", "bytes32"], [hashed, salt])))


def salt(key: bytes, parts: Sequence[bytes | int]) -> bytes:
    """Return HMAC-SHA256 over the parts, integers as eight bytes big endian."""
    words = (part if isinstance(part, bytes) else part.to_bytes(8, "big") for part in parts)
    return hmac.new(key, b"".join(words), hashlib.sha256).digest()


def tree(leaves: Sequence[bytes]) -> tuple[bytes, list[list[bytes]]]:
    """Return (root, one proof per leaf): sorted pairs, an odd last node moves up as it is."""
    proofs: list[list[bytes]] = [[] for _ in leaves]
    level = [(node, [position]) for position, node in enumerate(leaves)]
    while len(level) > 1:
        above = []
        for left, right in zip(level[::2], level[1::2], strict=False):
            for own, sibling in ((left, right), (right, left)):
                for position in own[1]:
                    proofs[position].append(sibling[0])
            above.append((keccak(b"".join(sorted((left[0], right[0])))), left[1] + right[1]))
        level = above + ([level[-1]] if len(level) % 2 else [])
    return (level[0][0] if level else bytes(32)), proofs


def pack_nets(nets: Sequence[tuple[str, int]]) -> bytes:
    """Return 32 bytes per account: the address, then its net as a 96-bit two's complement."""
    return b"".join(bytes.fromhex(account[2:]) + net.to_bytes(12, "big", signed=True) for account, net in nets)


def pages_hash(pages: Sequence[bytes]) -> bytes:
    """Return what a run commits to when its packed nets come in pages; nothing for no page."""
    result = b"\0" * 32
    for place, page in enumerate(reversed(pages)):
        result = keccak(b"\x01" + keccak(page) + result) if place else keccak(page)
    return result


def document() -> dict[str, Any]:
    """Return the whole vector file as a JSON-ready object."""
    cases = [_case(number, struct, values) for number, (struct, values) in enumerate(_messages(TYPES))]
    return {
        "domain": DOMAIN,
        "types": TYPES,
        "cases": cases,
        "trees": [_tree(size) for size in (0, 1, 2, 3, 4, 5, 7, 8, 13)],
        "salts": _salts(),
        "nets": _nets(),
        "histories": [_history()],
        "linkDomain": LINK_DOMAIN,
        "linkTypes": LINK_TYPES,
        "linkCases": [_link_case(struct, values) for struct, values in _messages(LINK_TYPES)],
    }


def render() -> str:
    """Return the bytes of the vector file as text."""
    return json.dumps(document(), indent=1) + "\n"


def _case(number: int, struct: str, values: Mapping[str, Any]) -> dict[str, Any]:
    hashed, whole = digest(DOMAIN, struct, values)
    own_salt = _word(f"salt {number}")
    return {
        "type": struct,
        "values": values,
        "structHash": _hex(hashed),
        "digest": _hex(whole),
        "salt": _hex(own_salt),
        "leaf": _hex(leaf(hashed, own_salt)),
    }


def _link_case(struct: str, values: Mapping[str, Any]) -> dict[str, Any]:
    hashed, whole = digest(LINK_DOMAIN, struct, values)
    return {"type": struct, "values": values, "structHash": _hex(hashed), "digest": _hex(whole)}


def _messages(types: Mapping[str, list[dict[str, str]]]) -> list[tuple[str, dict[str, Any]]]:
    """Return a plain, a smallest and a largest message of every struct."""
    plain = [(struct, {field["name"]: _plain(struct, field) for field in types[struct]}) for struct in types]
    lowest = [(struct, {field["name"]: _bound(field, low=True) for field in types[struct]}) for struct in types]
    highest = [(struct, {field["name"]: _bound(field, low=False) for field in types[struct]}) for struct in types]
    return plain + lowest + highest


_PLAIN: Final[dict[str, Any]] = {
    "interval": _INTERVAL,
    "firstInterval": _INTERVAL,
    "lastInterval": _INTERVAL + 95 * _QUARTER_HOUR_S,
    "expiry": _INTERVAL - 300,
    "observedAt": _INTERVAL + _QUARTER_HOUR_S,
    "acceptedAt": _INTERVAL - 600,
    "matchedAt": _INTERVAL - 600,
    "issuedAt": _INTERVAL - 600,
    "correctedAt": _INTERVAL + 2 * _QUARTER_HOUR_S,
    "knownAt": _INTERVAL - 3_600,
    "first": _INTERVAL,
    "step": 3_600,
    "netExportWh": -1_250,
    "period": _QUARTER_HOUR_S,
    "side": 1,
    "quantityWh": 1_250,
    "limitPrice": -115_000,
    "price": 115_000,
    "timeInForce": 2,
    "outcome": 1,
    "quality": 2 << 8 | 17,
    "amount": -143_750_000,
    "netNeur": -30_000_000,
    "balanceBefore": 100_000_000,
    "balanceAfter": -43_750_000,
    "fromWh": 250,
    "toWh": 1_500,
    "source": 1,
    "state": 1,
    "kind": 2,
    "selfTrade": 1,
    "allOrNone": True,
    "postOnly": False,
    "cancelOnDisconnect": True,
    "halted": True,
    "sells": True,
    "buys": False,
}


def _plain(struct: str, field: Mapping[str, str]) -> Any:
    name, kind = field["name"], field["type"]
    if kind in TYPES:
        return {inner["name"]: _plain(kind, inner) for inner in TYPES[kind]}
    if kind == "bytes32":
        return _hex(_word(f"{struct}.{name}"))
    if kind == "bytes":
        return _hex((_word("r") + _word("s"))[:64] + b"\x1b")
    if kind == "address":
        return _hex(_word(name)[12:])
    if kind == "string":
        return f"{name} of Sète"
    return _PLAIN.get(name, 1 + len(struct) * len(name))


def _bound(field: Mapping[str, str], *, low: bool) -> Any:
    kind = field["type"]
    if kind in TYPES:
        return {inner["name"]: _bound(inner, low=low) for inner in TYPES[kind]}
    if kind == "bytes":
        return "0x" if low else "0x" + "ff" * 65
    if kind == "string":
        return "" if low else "\U0010ffff" * 65
    if kind in ("bytes32", "address"):
        return "0x" + ("00" if low else "ff") * (32 if kind == "bytes32" else 20)
    if kind == "bool":
        return not low
    bits = int(kind.lstrip("uint"))
    if kind.startswith("u"):
        return 0 if low else 2**bits - 1
    return -(2 ** (bits - 1)) if low else 2 ** (bits - 1) - 1


def _tree(size: int) -> dict[str, Any]:
    leaves = [_word(f"leaf {size}.{position}") for position in range(size)]
    root, proofs = tree(leaves)
    return {
        "leaves": [_hex(node) for node in leaves],
        "root": _hex(root),
        "proofs": [[_hex(node) for node in proof] for proof in proofs],
    }


def _salts() -> list[dict[str, Any]]:
    key = _word("key")
    examples: list[list[bytes | int]] = [[], [b"trade"], [b"reading", 7], [b"certificate", 2**64 - 1, _word("struct")]]
    return [
        {
            "key": _hex(key),
            "parts": [_hex(part) if isinstance(part, bytes) else part for part in parts],
            "salt": _hex(salt(key, parts)),
        }
        for parts in examples
    ]


def _nets() -> list[dict[str, Any]]:
    accounts = sorted(_hex(_word(f"account {number}")[12:]) for number in range(3))
    examples: list[list[tuple[str, int]]] = [
        [],
        list(zip(accounts, (-143_750_000, 1, 143_749_999), strict=True)),
        list(zip(accounts, (2**95 - 1, -(2**95), 1), strict=True)),
    ]
    return [
        {
            "nets": [[account, net] for account, net in nets],
            "packed": _hex(pack_nets(nets)),
            "netsHash": _hex(keccak(pack_nets(nets))),
            "pages": [_hex(pack_nets([net])) for net in nets],
            "pagesHash": _hex(pages_hash([pack_nets([net]) for net in nets])),
        }
        for nets in examples
    ]


def _history() -> dict[str, Any]:
    history = bytes(32)
    steps = []
    for step in range(3):
        values = {
            "interval": _INTERVAL + step * _QUARTER_HOUR_S,
            "readingsRoot": _hex(_word(f"readings {step}")),
            "importWh": 9_000 + step,
            "exportWh": 4_000 - step,
        }
        history = keccak(encode(["bytes32", "bytes32"], [history, struct_hash("IntervalReadings", values)]))
        steps.append({"values": values, "history": _hex(history)})
    return {"steps": steps}


def _word(label: str) -> bytes:
    return keccak(label.encode())


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


if __name__ == "__main__":
    PATH.write_text(render(), encoding="utf-8")
