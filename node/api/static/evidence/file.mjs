// The evidence file: read strictly, as oracles/evidence_file.py does. Integers become BigInt, bytes stay 0x text.

import { Broken } from "./broken.mjs";
import { CERTIFICATE, INTERVAL_READINGS, READING, RUN } from "./structs.mjs";

const SCHEMA = "resilia-evidence/1";
const BYTES_MAX = 1 << 20;
const BLOCK_FIELDS = [
  ["bytes", "headerRlp"], ["bytes", "seal"], ["address", "sealer"], ["uint64", "blockNumber"], ["bytes32", "blockHash"],
  ["uint64", "transactionIndex"], ["uint64", "logIndex"], ["bytes[]", "receiptProof"],
];
const OPENING_FIELDS = [["bytes32", "salt"], ["bytes32[]", "proof"]];
const LENGTHS = { address: 20, bytes32: 32 };
const TOP_KEYS = [
  "schema", "chainId", "contracts", "certificate", "run", "runSignatures", "reading", "readingSignatures",
  "attestation", "attestationSignatures", "attestedIn", "settledIn",
];

/** Return the evidence in the text of a file; throws Broken if it is none, or not written in the one way. */
export function parsed(text) {
  if (new TextEncoder().encode(text).length > BYTES_MAX) throw new Broken("TOO_LARGE", { bytes_max: BYTES_MAX });
  let document;
  try {
    document = JSON.parse(text);
  } catch {
    throw new Broken("NOT_JSON");
  }
  if (isObject(document) && document.schema !== SCHEMA) throw new Broken("OTHER_SCHEMA", { schema: SCHEMA });
  requireKeys(document, "the file", TOP_KEYS);
  requirePlain(text, document);
  const signatures = (key) =>
    list(document[key], key).map((each, index) =>
      record(each, `${key}[${index}]`, [["address", "signer"], ["bytes", "signature"]]),
    );
  return {
    chainId: value("uint256", document.chainId, "chainId"),
    contracts: record(document.contracts, "contracts", [["address", "readings"], ["address", "settlement"]]),
    certificate: record(document.certificate, "certificate", [...CERTIFICATE.fields, ...OPENING_FIELDS]),
    run: record(document.run, "run", RUN.fields),
    runSignatures: signatures("runSignatures"),
    reading: record(document.reading, "reading", [...READING.fields, ...OPENING_FIELDS]),
    readingSignatures: signatures("readingSignatures"),
    attestation: record(document.attestation, "attestation", [
      ...INTERVAL_READINGS.fields, ["bytes32", "previousHistory"], ["bytes32[]", "laterIntervals"],
    ]),
    attestationSignatures: signatures("attestationSignatures"),
    attestedIn: record(document.attestedIn, "attestedIn", BLOCK_FIELDS),
    settledIn: record(document.settledIn, "settledIn", BLOCK_FIELDS),
  };
}

const isObject = (json) => typeof json === "object" && json !== null && !Array.isArray(json);

function requireKeys(json, where, keys) {
  if (!isObject(json)) throw new Broken("NOT_AN_OBJECT", { where });
  const missing = keys.filter((key) => !Object.hasOwn(json, key));
  const unknown = Object.keys(json).filter((key) => !keys.includes(key));
  if (missing.length || unknown.length) {
    throw new Broken("WRONG_KEYS", { where, missing: quoted(missing) || "-", unknown: quoted(unknown) || "-" });
  }
}

/** Refuse what JavaScript's reader hides: keys that stand twice, and integers written with a point or an exponent. */
function requirePlain(text, document) {
  const bare = text.replace(/"(?:[^"\\]|\\.)*"/g, '""');
  if (/[.eE]/.test(bare)) throw new Broken("NOT_AN_INTEGER", { where: "the file", least: 0, most: "2^256-1" });
  if (bare.match(/:/g).length !== keyCount(document)) throw new Broken("REPEATED_KEY", { key: "?" });
}

function keyCount(json) {
  if (Array.isArray(json)) return json.reduce((count, item) => count + keyCount(item), 0);
  return isObject(json) ? Object.values(json).reduce((count, item) => count + 1 + keyCount(item), 0) : 0;
}

function record(json, where, fields) {
  requireKeys(json, where, fields.map(([, name]) => name));
  return Object.fromEntries(fields.map(([kind, name]) => [name, value(kind, json[name], `${where}.${name}`)]));
}

function list(json, where) {
  if (!Array.isArray(json)) throw new Broken("NOT_A_LIST", { where });
  return json;
}

function value(kind, json, where) {
  if (kind.endsWith("[]")) return list(json, where).map((item, index) => value(kind.slice(0, -2), item, `${where}[${index}]`));
  return kind.startsWith("uint") ? integer(kind, json, where) : data(kind, json, where);
}

function integer(kind, json, where) {
  const above = 1n << BigInt(kind.slice(4));
  let found = null;
  if (Number.isSafeInteger(json)) found = BigInt(json);
  else if (typeof json === "string" && /^[1-9][0-9]{15,77}$/.test(json) && BigInt(json) > Number.MAX_SAFE_INTEGER) {
    found = BigInt(json);
  }
  if (found === null || found < 0n || found >= above) throw new Broken("NOT_AN_INTEGER", { where, least: 0, most: above - 1n });
  return found;
}

function data(kind, json, where) {
  const digits = LENGTHS[kind] ? 2 * LENGTHS[kind] : null;
  const form = digits ? new RegExp(`^0x[0-9a-f]{${digits}}$`) : /^0x(?:[0-9a-f]{2})*$/;
  if (typeof json !== "string" || !form.test(json)) throw new Broken("NOT_BYTES", { where, digits: digits ?? "an even number of" });
  return json;
}

function quoted(names) {
  return names.slice(0, 5).map((name) => JSON.stringify(name).slice(0, 40)).join(", ");
}
