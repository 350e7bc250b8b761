// Proof that a contract wrote a log in a sealed block. As oracles/block_proofs.py and oracles/strict_rlp.py.
// Source: yellow paper, appendices B (RLP) and D (trie), section 4.4.1 (receipts); EIP-2718.

import { Broken } from "./broken.mjs";
import { bytesOf, hexText, integerOf, same } from "./bytes.mjs";
import { keccak } from "./keccak.mjs";
import { signerOf } from "./secp256k1.mjs";
import { sealDigest } from "./structs.mjs";

const HEADER_FIELDS = 21, RECEIPTS_ROOT_FIELD = 5, NUMBER_FIELD = 8, DEPTH_MAX = 8;

const isList = Array.isArray;

/** Return the item that some RLP holds, bytes or a list; null unless it is the shortest encoding of exactly one. */
function decoded(data) {
  try {
    const [item, end] = itemAt(data, 0, data.length, DEPTH_MAX);
    return end === data.length ? item : null;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function itemAt(data, start, limit, depth) {
  if (start >= limit) throw new RangeError("the RLP ends within an item");
  const first = data[start];
  if (first < 0x80) return [data.subarray(start, start + 1), start + 1];
  const [body, end] = payloadAt(data, start, limit);
  if (first < 0xc0) {
    if (end - body === 1 && data[body] < 0x80) throw new RangeError("a small byte is its own RLP");
    return [data.subarray(body, end), end];
  }
  if (!depth) throw new RangeError("nested too deep");
  const items = [];
  for (let place = body; place < end; ) {
    const [item, after] = itemAt(data, place, end, depth - 1);
    items.push(item);
    place = after;
  }
  return [items, end];
}

function payloadAt(data, start, limit) {
  let length = data[start] - (data[start] < 0xc0 ? 0x80 : 0xc0), body = start + 1;
  if (length > 55) {
    const digits = data.subarray(body, body + length - 55);
    body += length - 55;
    length = Number(integerOf(digits));
    if (!digits.length || digits[0] === 0 || length <= 55) throw new RangeError("a length is longer than it needs");
  }
  if (body + length > limit) throw new RangeError("the RLP ends within an item");
  return [body, body + length];
}

function integerRlp(value) {
  if (!value) return new Uint8Array([0x80]);
  const digits = value.toString(16), bytes = bytesOf("0x" + (digits.length % 2 ? "0" : "") + digits);
  return value < 0x80n ? bytes : new Uint8Array([0x80 + bytes.length, ...bytes]);
}

function headerField(proof, index) {
  const fields = decoded(bytesOf(proof.headerRlp));
  if (!isList(fields) || fields.length !== HEADER_FIELDS || isList(fields[index])) throw new Broken("NO_HEADER");
  return fields[index];
}

/** Check hash, number and seal of a block; throws Broken. */
export function checkBlock(chainId, proof) {
  const hash = keccak(bytesOf(proof.headerRlp));
  if (hexText(hash) !== proof.blockHash) throw new Broken("OTHER_HASH", { found: hexText(hash), expected: proof.blockHash });
  const number = integerOf(headerField(proof, NUMBER_FIELD));
  if (number !== proof.blockNumber) throw new Broken("OTHER_NUMBER", { found: number, expected: proof.blockNumber });
  const sealer = signerOf(sealDigest(chainId, hash), bytesOf(proof.seal));
  if (sealer === null) throw new Broken("NO_SEAL");
  if (sealer !== proof.sealer) throw new Broken("OTHER_SEALER", { found: sealer, expected: proof.sealer });
}

/** Return the log under the header's receipts root, {address, topics, data} as 0x text; throws Broken. */
export function provenLog(proof) {
  const receipt = receiptOf(proof);
  const fields = decoded(receipt[0] >= 1 && receipt[0] <= 4 ? receipt.subarray(1) : receipt);
  const transaction = proof.transactionIndex;
  if (!isList(fields) || fields.length !== 4 || !isList(fields[3])) throw new Broken("NO_RECEIPT", { transaction });
  if (isList(fields[0]) || !same(fields[0], new Uint8Array([1]))) throw new Broken("TRANSACTION_FAILED", { transaction });
  const log = proof.logIndex < BigInt(fields[3].length) ? logOf(fields[3][Number(proof.logIndex)]) : null;
  if (log === null) throw new Broken("NO_LOG", { log: proof.logIndex });
  return log;
}

function logOf(item) {
  if (!isList(item) || item.length !== 3) return null;
  const [address, topics, data] = item;
  if (isList(address) || address.length !== 20 || !isList(topics) || isList(data)) return null;
  if (topics.some((topic) => isList(topic) || topic.length !== 32)) return null;
  return { address: hexText(address), topics: topics.map(hexText), data: hexText(data) };
}

/** Walk the trie from the receipts root to the receipt; every node of the proof must lie on the way. */
function receiptOf(proof) {
  const absent = new Broken("NO_RECEIPT", { transaction: proof.transactionIndex });
  const unused = proof.receiptProof.map(bytesOf).reverse();
  let path = hexText(integerRlp(proof.transactionIndex)).slice(2);
  let node = headerField(proof, RECEIPTS_ROOT_FIELD), ends = false;
  while (!ends) {
    if (!isList(node)) {
      if (!unused.length || !same(keccak(unused.at(-1)), node)) throw absent;
      node = decoded(unused.pop());
    }
    if (!isList(node)) throw absent;
    const step = stepFrom(node, path);
    if (step === null) throw absent;
    [node, path, ends] = step;
  }
  if (unused.length || isList(node) || !node.length) throw absent;
  return node;
}

/** Return the item a path leads to from a node, the rest of the path, and whether the item is the value. */
function stepFrom(node, path) {
  if (node.length === 17) return path ? [node[parseInt(path[0], 16)], path.slice(1), false] : [node[16], "", true];
  if (node.length !== 2 || isList(node[0])) return null;
  const prefix = hexText(node[0]).slice(2), kind = prefix[0];
  if (!"0123".includes(kind ?? "x") || ("02".includes(kind) && prefix[1] !== "0")) return null;
  const nibbles = "13".includes(kind) ? prefix.slice(1) : prefix.slice(2);
  if (!path.startsWith(nibbles)) return null;
  const isLeaf = "23".includes(kind), rest = path.slice(nibbles.length);
  return isLeaf && rest ? null : [node[1], rest, isLeaf];
}
