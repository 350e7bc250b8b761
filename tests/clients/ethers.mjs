// ethers against a node: node ethers.mjs HTTP_URL WS_URL ARTIFACT OWNER_KEY OTHER_KEY; prints what it saw as JSON.
import { readFileSync } from "node:fs";
import { Contract, ContractFactory, JsonRpcProvider, Signature, Wallet, WebSocketProvider } from "ethers";

const [httpUrl, wsUrl, artifactPath, ownerKey, otherKey] = process.argv.slice(2);
const artifact = JSON.parse(readFileSync(artifactPath, "utf-8"));
// Blocks follow at once upon a transaction: what was true 250 ms ago need not be true now.
const http = new JsonRpcProvider(httpUrl, undefined, { cacheTimeout: -1, pollingInterval: 100 });
const ws = new WebSocketProvider(wsUrl);
const owner = new Wallet(ownerKey, http);
const other = new Wallet(otherKey, http);
const seen = {};

const deployed = await new ContractFactory(artifact.abi, artifact.bytecode, owner).deploy(owner.address);
await deployed.waitForDeployment();
const address = await deployed.getAddress();
const token = new Contract(address, artifact.abi, owner);

const heard = new Promise((resolve) => {
  new Contract(address, artifact.abi, ws).on("Transfer", (from, to, amount) => resolve([from, to, amount.toString()]));
});
const headed = new Promise((resolve) => ws.on("block", resolve));
await new Promise((resolve) => setTimeout(resolve, 300));
await ws.send("eth_blockNumber", []); // answered in sequence, behind the two subscriptions

const receipt = await (await token.mint(other.address, 1000n)).wait();
seen.status = receipt.status;
seen.balance = (await token.balanceOf(other.address)).toString();
seen.heard = await heard;
seen.headIsNew = (await headed) >= receipt.blockNumber;

const logs = await token.queryFilter(token.filters.Transfer(null, other.address), receipt.blockNumber);
seen.logged = logs.map((log) => log.args.value.toString());

try {
  await token.connect(other).mint.staticCall(other.address, 1n);
} catch (error) {
  seen.customError = [error.code, error.revert.name, error.revert.args[0]];
}
try {
  await other.sendTransaction({ to: owner.address, value: 10n ** 30n, gasLimit: 21000 });
} catch (error) {
  seen.insufficientFunds = error.code;
}
try {
  await owner.sendTransaction({ to: other.address, nonce: 0 });
} catch (error) {
  seen.nonceTooLow = error.code;
}

const domain = { name: "RESILIA euro", version: "1", chainId: (await http.getNetwork()).chainId, verifyingContract: address };
const types = { Permit: ["address owner", "address spender", "uint256 value", "uint256 nonce", "uint256 deadline"].map((field) => ({ type: field.split(" ")[0], name: field.split(" ")[1] })) };
const permit = { owner: other.address, spender: owner.address, value: 7n, nonce: 0n, deadline: 2n ** 64n };
const { r, s, v } = Signature.from(await other.signTypedData(domain, types, permit));
await (await token.permit(permit.owner, permit.spender, permit.value, permit.deadline, v, r, s)).wait();
seen.allowance = (await token.allowance(other.address, owner.address)).toString();

console.log(JSON.stringify(seen));
await ws.destroy();
http.destroy();
