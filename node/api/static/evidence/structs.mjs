// The EIP-712 structs that evidence holds: how each is declared and hashed. As oracles/typed_data.py.

import { bytesOf, joined, word } from "./bytes.mjs";
import { keccak } from "./keccak.mjs";

const text = (value) => new TextEncoder().encode(value);

function struct(declaration) {
  const fields = declaration.slice(declaration.indexOf("(") + 1, -1).split(",").map((field) => field.split(" "));
  return { fields, typeHash: keccak(text(declaration)) };
}

export const READING = struct(
  "Reading(bytes32 meter,uint64 interval,uint32 period,uint64 importWh,uint64 exportWh,uint64 importIndexWh," +
    "uint64 exportIndexWh,uint16 quality,uint32 flags,uint64 sequence,bytes32 previousHash,bytes32 rawHash," +
    "uint64 observedAt)",
);
export const INTERVAL_READINGS = struct(
  "IntervalReadings(uint64 interval,bytes32 readingsRoot,uint64 importWh,uint64 exportWh)",
);
export const RUN = struct(
  "Run(uint64 runId,uint64 firstInterval,uint64 lastInterval,bytes32 ordersRoot,bytes32 tradesRoot," +
    "bytes32 readingsHash,bytes32 entriesRoot,bytes32 certificatesRoot,bytes32 netsHash,uint64 importWh," +
    "uint64 exportWh,uint64 tradedWh,uint64 certifiedWh,bytes32 previousRun)",
);
export const CERTIFICATE = struct(
  "Certificate(uint64 number,bytes32 device,uint64 interval,uint64 fromWh,uint64 toWh,address owner,uint8 source," +
    "uint8 state,uint32 carbon)",
);
const DOMAIN = struct("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");

/** Return the struct hash of a record: integers are BigInt, bytes are 0x text. */
export function structHash(type, record) {
  const words = type.fields.map(([kind, name]) =>
    kind.startsWith("uint") ? word(record[name]) : joined(new Uint8Array(kind === "address" ? 12 : 0), bytesOf(record[name])),
  );
  return keccak(joined(type.typeHash, ...words));
}

/** Return what a key signs for a struct hash in the domain of one of the community's contracts. */
export function signedDigest(chainId, contract, hash) {
  const separator = keccak(
    joined(
      DOMAIN.typeHash, keccak(text("RESILIA-GRID")), keccak(text("1")),
      word(chainId), new Uint8Array(12), bytesOf(contract),
    ),
  );
  return keccak(joined(new Uint8Array([0x19, 0x01]), separator, hash));
}

/** Return what a sealer signs for its block. */
export function sealDigest(chainId, blockHash) {
  return keccak(joined(keccak(text("RESILIA-SEAL")), word(chainId), blockHash));
}

/** Return the topic of an event. */
export function topicOf(declaration) {
  return keccak(text(declaration));
}
