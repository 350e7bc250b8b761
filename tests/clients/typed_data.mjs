// The committed vectors by viem: node typed_data.mjs VECTORS; prints how many of each it agreed with, throws at the first
// that it does not.
import { readFileSync } from "node:fs";
import { concat, encodeAbiParameters, hashStruct, hashTypedData, keccak256, toHex } from "viem";

// JSON's integers go beyond what a number holds exactly: those become texts, which viem takes as well.
const text = readFileSync(process.argv[2], "utf-8").replace(/([:[,]\s*)(-?\d{15,})(?=\s*[,\]}])/g, '$1"$2"');
const { cases, domain, linkCases, linkDomain, linkTypes, nets, types: all } = JSON.parse(text);
const seen = {};

function same(told, expected, what) {
  if (told !== expected) throw new Error(`${what}: ${told} is not ${expected}`);
  seen[what] = (seen[what] ?? 0) + 1;
}

for (const { type: primaryType, values: message, structHash, digest, salt, leaf } of cases) {
  const types = Object.fromEntries(Object.entries(all).filter(([name]) => needed(primaryType).has(name)));
  const hash = hashStruct({ data: message, primaryType, types });
  same(hash, structHash, `${primaryType} hash`);
  same(hashTypedData({ domain, types, primaryType, message }), digest, `${primaryType} digest`);
  const pair = encodeAbiParameters([{ type: "bytes32" }, { type: "bytes32" }], [hash, salt]);
  same(keccak256(keccak256(pair)), leaf, "leaf");
}

for (const { type: primaryType, values: message, structHash, digest } of linkCases) {
  const types = { [primaryType]: linkTypes[primaryType] };
  same(hashStruct({ data: message, primaryType, types }), structHash, `${primaryType} hash`);
  same(hashTypedData({ domain: linkDomain, types, primaryType, message }), digest, `${primaryType} digest`);
}

for (const { nets: words, packed, netsHash, pages, pagesHash } of nets) {
  const page = concat(["0x", ...words.map(([account, net]) => concat([account, toHex(BigInt.asUintN(96, BigInt(net)), { size: 12 })]))]);
  same(page, packed, "packed nets");
  same(keccak256(page), netsHash, "nets hash");
  const folded = pages.reduceRight((rest, each) => (rest ? keccak256(concat(["0x01", keccak256(each), rest])) : keccak256(each)), null);
  same(folded ?? "0x" + "00".repeat(32), pagesHash, "pages hash");
}

function needed(name) {
  const inner = all[name].map((field) => field.type).filter((type) => all[type]);
  return new Set([name, ...inner.flatMap((type) => [...needed(type)])]);
}

console.log(JSON.stringify(seen));
