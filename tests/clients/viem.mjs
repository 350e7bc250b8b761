// viem against a node: node viem.mjs HTTP_URL WS_URL ARTIFACT OWNER_KEY OTHER_KEY; prints what it saw as JSON.
import { readFileSync } from "node:fs";
import {
  BaseError, ContractFunctionRevertedError, createPublicClient, createWalletClient, defineChain, http, parseSignature, webSocket,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";

const [httpUrl, wsUrl, artifactPath, ownerKey, otherKey] = process.argv.slice(2);
const { abi, bytecode } = JSON.parse(readFileSync(artifactPath, "utf-8"));
const id = await createPublicClient({ transport: http(httpUrl) }).getChainId();
const chain = defineChain({
  id, name: "community", nativeCurrency: { name: "gas", symbol: "GAS", decimals: 18 }, rpcUrls: { default: { http: [httpUrl] } },
});
const reader = createPublicClient({ chain, transport: http(httpUrl), pollingInterval: 100, cacheTime: 0 });
const listener = createPublicClient({ chain, transport: webSocket(wsUrl) });
const owner = createWalletClient({ account: privateKeyToAccount(ownerKey), chain, transport: http(httpUrl) });
const other = privateKeyToAccount(otherKey);
const seen = {};

const deployment = await owner.deployContract({ abi, bytecode, args: [owner.account.address] });
const address = (await reader.waitForTransactionReceipt({ hash: deployment })).contractAddress;

await listener.getChainId(); // connected
let resolveHeard, resolveHeaded;
const heard = new Promise((resolve) => (resolveHeard = resolve));
const headed = new Promise((resolve) => (resolveHeaded = resolve));
const ended = [
  listener.watchContractEvent({ address, abi, eventName: "Transfer", onLogs: ([log]) => resolveHeard(log.args.value.toString()) }),
  listener.watchBlocks({ onBlock: (block) => resolveHeaded(block.number) }),
];
await new Promise((resolve) => setTimeout(resolve, 300));
await listener.getChainId(); // answered in sequence, behind the two subscriptions

const hash = await owner.writeContract({ address, abi, functionName: "mint", args: [other.address, 1000n] });
const receipt = await reader.waitForTransactionReceipt({ hash });
seen.status = receipt.status;
seen.balance = (await reader.readContract({ address, abi, functionName: "balanceOf", args: [other.address] })).toString();
seen.heard = await heard;
seen.headIsNew = (await headed) >= receipt.blockNumber;
const logs = await reader.getContractEvents({ address, abi, eventName: "Transfer", fromBlock: receipt.blockNumber });
seen.logged = logs.map((log) => log.args.value.toString());

try {
  await reader.simulateContract({ address, abi, functionName: "mint", args: [other.address, 1n], account: other });
} catch (error) {
  const reverted = error instanceof BaseError && error.walk((cause) => cause instanceof ContractFunctionRevertedError);
  seen.customError = [reverted.data.errorName, reverted.data.args[0]];
}

const types = { Permit: [["address", "owner"], ["address", "spender"], ["uint256", "value"], ["uint256", "nonce"], ["uint256", "deadline"]].map(([type, name]) => ({ type, name })) };
const message = { owner: other.address, spender: owner.account.address, value: 7n, nonce: 0n, deadline: 2n ** 64n };
const domain = { name: "RESILIA euro", version: "1", chainId: id, verifyingContract: address };
const { r, s, v } = parseSignature(await other.signTypedData({ domain, types, primaryType: "Permit", message }));
const permitted = await owner.writeContract({
  address, abi, functionName: "permit", args: [message.owner, message.spender, message.value, message.deadline, Number(v), r, s],
});
await reader.waitForTransactionReceipt({ hash: permitted });
seen.allowance = (await reader.readContract({ address, abi, functionName: "allowance", args: [other.address, owner.account.address] })).toString();

const proof = await reader.getProof({ address, storageKeys: ["0x".padEnd(66, "0")] });
seen.proven = proof.accountProof.length > 0 && proof.storageHash !== "0x".padEnd(66, "0");

console.log(JSON.stringify(seen));
ended.forEach((end) => end());
process.exit(0);
