// Checks every link of an evidence file in the reader's own browser: no node, no network, no trust in this page's server
// beyond this script. A second implementation beside oracles/evidence.py, written from docs/EVIDENCE.md; both must agree.

import { checkBlock, provenLog } from "./blocks.mjs";
import { Broken } from "./broken.mjs";
import { bytesOf, compared, hexText, joined, same, word } from "./bytes.mjs";
import { parsed } from "./file.mjs";
import { keccak } from "./keccak.mjs";
import { signerOf } from "./secp256k1.mjs";
import { CERTIFICATE, INTERVAL_READINGS, READING, RUN, signedDigest, structHash, topicOf } from "./structs.mjs";

const ATTESTED = topicOf("Attested(uint64,bytes32,uint64,uint64,bytes32)");
const RUN_SETTLED = topicOf("RunSettled(uint64,bytes32,uint64,uint64,bytes32,bytes32,uint64,uint64)");
const VALIDATED = 17n, TRUST_LEAST = 3n;
const CLOCK_BAD = 1n << 1n, TAMPER = 1n << 3n, INDEX_BACK = 1n << 8n;
const YEAR_10000 = 253402300800n;

/**
 * Check every link of an evidence file.
 *
 * @param {string} text of the file
 * @param {{sealer?: string, blockHash?: string}} trusted from elsewhere, as lower-case 0x text
 * @returns {{name: string, fault: string | null, facts: object}[]} in sequence; only the first if it cannot be read
 */
export function verify(text, trusted = {}) {
  let evidence;
  try {
    evidence = parsed(text);
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    return [{ name: "schema", fault: error.fault, facts: error.facts }];
  }
  const checks = {
    "schema": () => ({ schema: "resilia-evidence/1" }),
    "certificate-leaf": certificateLeaf,
    "run-signatures": runSignatures,
    "run-log": runLog,
    "run-block": () => block(evidence.chainId, evidence.settledIn, trusted.sealer, trusted.blockHash),
    "reading-leaf": readingLeaf,
    "reading-signatures": readingSignatures,
    "attestation-signatures": attestationSignatures,
    "attestation-log": attestationLog,
    "attestation-block": () => block(evidence.chainId, evidence.attestedIn, trusted.sealer),
    "run-history": runHistory,
    "coverage": coverage,
    "block-order": blockOrder,
  };
  return Object.entries(checks).map(([name, check]) => {
    try {
      return { name, fault: null, facts: check(evidence) };
    } catch (error) {
      if (!(error instanceof Broken)) throw error;
      return { name, fault: error.fault, facts: error.facts };
    }
  });
}

// -- THE LINKS

function certificateLeaf({ certificate, run }) {
  requireUnder(run.certificatesRoot, structHash(CERTIFICATE, certificate), certificate);
  return { number: certificate.number, run: run.runId };
}

function runSignatures(evidence) {
  return { run: evidence.run.runId, signers: signersOf(runDigest(evidence), evidence.runSignatures) };
}

function runLog(evidence) {
  const { run, contracts, settledIn } = evidence;
  requireEvent(
    settledIn, contracts.settlement, "RunSettled",
    [["signature", RUN_SETTLED], ["runId", run.runId], ["runHash", runDigest(evidence)]],
    ["firstInterval", "lastInterval", "tradesRoot", "certificatesRoot", "tradedWh", "certifiedWh"].map((name) => [name, run[name]]),
  );
  return { contract: contracts.settlement, run: run.runId };
}

function block(chainId, proof, sealer, blockHash) {
  checkBlock(chainId, proof);
  if (sealer && proof.sealer !== sealer) throw new Broken("UNTRUSTED_SEALER", { found: proof.sealer, expected: sealer });
  if (blockHash && proof.blockHash !== blockHash) {
    throw new Broken("UNTRUSTED_BLOCK", { found: proof.blockHash, expected: blockHash });
  }
  return { number: proof.blockNumber, block_hash: proof.blockHash, sealer: proof.sealer };
}

function readingLeaf({ reading, attestation }) {
  requireUnder(attestation.readingsRoot, structHash(READING, reading), reading);
  return { meter: reading.meter, interval: utc(reading.interval) };
}

function readingSignatures({ chainId, contracts, reading, readingSignatures: signatures }) {
  return { signers: signersOf(signedDigest(chainId, contracts.readings, structHash(READING, reading)), signatures) };
}

function attestationSignatures({ chainId, contracts, attestation, attestationSignatures: signatures }) {
  const signed = signedDigest(chainId, contracts.readings, structHash(INTERVAL_READINGS, attestation));
  return { signers: signersOf(signed, signatures) };
}

function attestationLog(evidence) {
  const { attestation, contracts, attestedIn } = evidence;
  requireEvent(
    attestedIn, contracts.readings, "Attested",
    [["signature", ATTESTED], ["interval", attestation.interval]],
    [
      ["readingsRoot", attestation.readingsRoot], ["importWh", attestation.importWh],
      ["exportWh", attestation.exportWh], ["history", historyOf(evidence)],
    ],
  );
  return { contract: contracts.readings, interval: utc(attestation.interval) };
}

function runHistory(evidence) {
  const { run, reading, attestation } = evidence, period = reading.period || 1n;
  const span = run.lastInterval - attestation.interval;
  const expected = span < 0n && span % period ? span / period - 1n : span / period; // rounded down, as Python does
  const found = BigInt(attestation.laterIntervals.length);
  if (found !== expected) throw new Broken("HISTORY_LENGTH", { found, expected });
  const history = attestation.laterIntervals.map(bytesOf).reduce(nextHistory, historyOf(evidence));
  if (hexText(history) !== run.readingsHash) throw new Broken("OTHER_HISTORY");
  return { run: run.runId };
}

function coverage({ certificate, reading, attestation, run }) {
  if (certificate.device !== reading.meter) throw new Broken("OTHER_DEVICE");
  if (certificate.interval !== reading.interval || reading.interval !== attestation.interval) throw new Broken("OTHER_INTERVAL");
  if (!(certificate.fromWh < certificate.toWh && certificate.toWh <= reading.exportWh)) throw new Broken("OUT_OF_RANGE");
  const trust = reading.quality >> 8n;
  const doubted = reading.flags & (TAMPER | CLOCK_BAD | INDEX_BACK);
  if ((reading.quality & 0xffn) !== VALIDATED || trust > TRUST_LEAST || doubted) throw new Broken("NOT_FINAL");
  const before = reading.interval - run.firstInterval, after = run.lastInterval - reading.interval, { period } = reading;
  if (!period || before < 0n || after < 0n || before % period || after % period) {
    throw new Broken("OUTSIDE_RUN", { interval: utc(reading.interval) });
  }
  const energy = certificate.toWh - certificate.fromWh;
  const rising = [
    [reading.importWh, attestation.importWh, run.importWh],
    [reading.exportWh, attestation.exportWh, run.exportWh],
    [energy, run.certifiedWh, run.exportWh],
  ];
  if (rising.some(([part, middle, total]) => part > middle || middle > total)) throw new Broken("TOTALS");
  return { energy_wh: energy, meter: reading.meter, interval: utc(reading.interval) };
}

function blockOrder({ attestedIn, settledIn }) {
  const sameNumber = attestedIn.blockNumber === settledIn.blockNumber;
  if (sameNumber && attestedIn.blockHash !== settledIn.blockHash) throw new Broken("WRONG_ORDER");
  const place = (proof) => [proof.blockNumber, proof.transactionIndex, proof.logIndex];
  const [one, other] = [place(attestedIn), place(settledIn)];
  const differs = one.findIndex((part, index) => part !== other[index]);
  if (differs < 0 || one[differs] > other[differs]) throw new Broken("WRONG_ORDER");
  return {};
}

// -- WHAT THEY REST ON

function runDigest({ chainId, contracts, run }) {
  return signedDigest(chainId, contracts.settlement, structHash(RUN, run));
}

function historyOf({ attestation }) {
  return nextHistory(bytesOf(attestation.previousHistory), structHash(INTERVAL_READINGS, attestation));
}

function nextHistory(history, hash) {
  return keccak(joined(history, hash));
}

function utc(instant) {
  return instant < YEAR_10000 ? new Date(Number(instant) * 1000).toISOString().slice(0, 16) + "Z" : String(instant);
}

function requireUnder(root, hash, { salt, proof }) {
  let node = keccak(keccak(joined(hash, bytesOf(salt))));
  for (const sibling of proof.map(bytesOf)) {
    node = keccak(compared(node, sibling) < 0 ? joined(node, sibling) : joined(sibling, node));
  }
  if (hexText(node) !== root) throw new Broken("NOT_UNDER_ROOT", { root });
}

function signersOf(digest, signatures) {
  if (!signatures.length) throw new Broken("NO_SIGNATURE");
  signatures.forEach(({ signer, signature }, position) => {
    const found = signerOf(digest, bytesOf(signature));
    if (found === null) throw new Broken("NO_VALID_SIGNATURE", { position });
    if (found !== signer) throw new Broken("OTHER_SIGNER", { position, found, expected: signer });
    if (position && found <= signatures[position - 1].signer) throw new Broken("SIGNERS_NOT_ASCENDING");
  });
  return signatures.map(({ signer }) => signer).join(", ");
}

function requireEvent(proof, contract, event, topics, values) {
  const log = provenLog(proof), data = bytesOf(log.data);
  if (log.address !== contract) throw new Broken("OTHER_CONTRACT", { found: log.address, expected: contract });
  const wrongForm = log.topics.length !== topics.length || data.length !== 32 * values.length;
  if (wrongForm || log.topics[0] !== hexText(topics[0][1])) throw new Broken("OTHER_EVENT", { event });
  const words = [...log.topics.map(bytesOf), ...values.map((_, index) => data.subarray(32 * index, 32 * index + 32))];
  [...topics, ...values].forEach(([field, expected], index) => {
    const bytes = typeof expected === "bigint" ? word(expected) : typeof expected === "string" ? bytesOf(expected) : expected;
    if (!same(words[index], bytes)) throw new Broken("OTHER_VALUE", { event, field });
  });
}
