// Signing with a wallet that lives in the browser: find it (EIP-6963), bring it to the community's chain (EIP-3085,
// EIP-3326), let it sign typed data (EIP-712). The page never sees a key.

const found = new Map();
window.addEventListener("eip6963:announceProvider", (event) => {
  found.set(event.detail.info.uuid, event.detail);
  for (const each of document.querySelectorAll("[data-wallets]")) offer(each);
});
window.dispatchEvent(new Event("eip6963:requestProvider"));

const ZERO = "0x" + "00".repeat(32);
const USER_REFUSED = 4001, UNKNOWN_CHAIN = 4902;

function offer(list) {
  list.replaceChildren(
    ...Array.from(found.values(), ({ info }) => new Option(info.name, info.uuid)),
  );
  list.closest("[data-wallet]").classList.toggle("without-wallet", !found.size);
}

function provider(panel) {
  return found.get(panel.querySelector("[data-wallets]").value)?.provider;
}

/** Return the wallet's account, on the community's chain. */
async function connected(panel, wallet) {
  const [account] = await wallet.request({ method: "eth_requestAccounts" });
  const chainId = "0x" + Number(panel.dataset.chain).toString(16);
  if ((await wallet.request({ method: "eth_chainId" })) !== chainId) {
    try {
      await wallet.request({ method: "wallet_switchEthereumChain", params: [{ chainId }] });
    } catch (error) {
      if (error.code !== UNKNOWN_CHAIN) throw error;
      await wallet.request({
        method: "wallet_addEthereumChain",
        params: [{
          chainId, chainName: panel.dataset.name, rpcUrls: [panel.dataset.rpc],
          nativeCurrency: { name: "Gas", symbol: "GAS", decimals: 18 },
        }],
      });
    }
  }
  return account.toLowerCase();
}

export async function json(path, options = {}) {
  const body = options.body === undefined ? undefined : JSON.stringify(options.body);
  const headers = { accept: "application/json", ...(body ? { "content-type": "application/json" } : {}) };
  const answer = await fetch(path, { ...options, body, headers });
  const read = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Error([read.detail, read.hint].filter(Boolean).join(" "));
  return read;
}

async function signed(wallet, account, primaryType, message) {
  const { settlement: domain, types } = await json("/api/v1/domain");
  return signedData(wallet, account, {
    types: {
      EIP712Domain: [
        { name: "name", type: "string" }, { name: "version", type: "string" },
        { name: "chainId", type: "uint256" }, { name: "verifyingContract", type: "address" },
      ],
      ...reached(types, primaryType),
    },
    primaryType, domain, message,
  });
}

function signedData(wallet, account, data) {
  return wallet.request({ method: "eth_signTypedData_v4", params: [account, JSON.stringify(data)] });
}

/** Return a struct's type and those that it refers to: wallets refuse to be told of others. */
function reached(types, name) {
  return types[name].reduce((all, { type }) => (types[type] ? { ...all, ...reached(types, type) } : all), { [name]: types[name] });
}

/** Return µ€/kWh of a price in ct/kWh as people write it, exactly; null if it is none. */
export function microEuros(text) {
  const parts = /^\s*([-−]?)(\d{1,6})(?:[.,](\d{1,4}))?\s*$/.exec(text);
  if (!parts) return null;
  const value = Number(parts[2]) * 10000 + Number((parts[3] ?? "").padEnd(4, "0"));
  return parts[1] ? -value : value;
}

// -- WHAT THE BUTTONS DO

async function place(panel, wallet, say, { form }) {
  if (!form.reportValidity()) return;
  const limitPrice = microEuros(form.elements.price.value);
  if (limitPrice === null) throw new Error(form.elements.price.dataset.wrong);
  say("waiting");
  const account = await connected(panel, wallet);
  const order = {
    account,
    interval: Number(form.elements.interval.value),
    side: Number(form.elements.side.value),
    quantityWh: Number(form.elements.quantity.value),
    limitPrice,
    timeInForce: 0,
    nonce: Date.now() * 1000 + Math.floor(Math.random() * 1000),
    expiry: 0, maxCarbon: 0, minLot: 0, partnerGroup: ZERO, validFrom: 0, lastInterval: 0, greenPremium: 0,
    conditions: {
      displayWh: 0, selfTrade: 0, allOrNone: false, postOnly: false, cancelOnDisconnect: false,
      replaces: ZERO, bundle: 0, bundleLegs: 0,
    },
  };
  const signature = await signed(wallet, account, "Order", order);
  say("sending");
  const receipt = await json("/api/v1/orders", { method: "POST", body: { order, signature } });
  say(receipt.outcome === "resting" ? "resting" : "matched", receipt);
}

async function cancel(panel, wallet, say, button) {
  say("waiting");
  const account = await connected(panel, wallet);
  const orderDigest = button.dataset.cancel;
  const signature = await signed(wallet, account, "Cancel", { account, orderDigest });
  say("sending");
  say("cancelled", await json(`/api/v1/orders/${orderDigest}`, { method: "DELETE", body: { account, signature } }));
}

/** Let a rule trade from now on, in place of the one before. */
async function rule(panel, wallet, say, { form }) {
  if (!form.reportValidity()) return;
  const wanted = {};
  for (const name of ["sellFrom", "buyUpTo"]) {
    if (!form.elements[`${name}-on`].checked) continue;
    wanted[name] = microEuros(form.elements[name].value);
    if (wanted[name] === null) throw new Error(form.elements[name].dataset.wrong);
  }
  if (!Object.keys(wanted).length) throw new Error(form.dataset.nothing);
  await ruled(panel, wallet, say, { ...wanted, days: form.elements.days.value }, "ruled");
}

async function endRule(panel, wallet, say) {
  await ruled(panel, wallet, say, { days: 1 }, "ended"); // one that neither sells nor buys
}

async function ruled(panel, wallet, say, wanted, done) {
  say("waiting");
  const account = await connected(panel, wallet);
  const form = await json(`/api/v1/rules/${account}/form?${new URLSearchParams(wanted)}`);
  const signature = await signedData(wallet, account, form);
  say("ruling");
  await json(`/api/v1/rules/${account}`, { method: "PUT", body: { rule: form.message, signature } });
  say(done);
}

/** Vote by a ballot that the operator brings to the contract: it costs no gas. */
async function vote(panel, wallet, say, button) {
  say("waiting");
  const voter = await connected(panel, wallet);
  const asked = new URLSearchParams({ proposalId: button.dataset.proposal, support: button.dataset.vote, voter });
  const form = await json(`/api/v1/ballots/form?${asked}`);
  const signature = await signedData(wallet, voter, form);
  say("counting");
  await json("/api/v1/ballots", { method: "POST", body: { ballot: form.message, signature } });
  say("voted");
}

async function signIn(panel, wallet, say) {
  say("waiting");
  const account = await connected(panel, wallet);
  const { message } = await json(`/session/challenge?account=${account}`);
  const bytes = new TextEncoder().encode(message);
  const hex = "0x" + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const signature = await wallet.request({ method: "personal_sign", params: [hex, account] });
  say("sending");
  await json("/session", { method: "POST", body: { message, signature } });
  location.assign(`/accounts/${account}`);
}

async function signOut() {
  await json("/session", { method: "DELETE" });
  location.reload();
}

const ACTIONS = { place, cancel, vote, rule, "end-rule": endRule, "sign-in": signIn, "sign-out": signOut };

const GOOD = ["resting", "matched", "cancelled", "voted", "ruled", "ended"];

for (const panel of document.querySelectorAll("[data-wallet]")) {
  offer(panel.querySelector("[data-wallets]"));
  const sayAt = (told) => (step, receipt = {}) => {
    const text = told.dataset[step] ?? step;
    told.textContent = text.replace(/\{(\w+)\}/g, (whole, name) => receipt[name] ?? whole);
    told.className = "verdict" + (GOOD.includes(step) ? " good" : "");
  };
  panel.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-action]");
    if (!button) return;
    const wallet = provider(panel);
    const told = button.closest("section")?.querySelector("[role=status]") ?? panel.querySelector("[role=status]");
    const say = sayAt(told);
    button.disabled = true;
    try {
      await ACTIONS[button.dataset.action](panel, wallet, say, button);
      document.dispatchEvent(new Event("changed-here"));
    } catch (error) {
      say(error.code === USER_REFUSED ? "refused" : error.message);
      told.className = "verdict bad";
    } finally {
      button.disabled = false;
    }
  });
  for (const form of panel.querySelectorAll("form.needs-wallet")) {
    form.addEventListener("submit", (event) => event.preventDefault());
  }
  panel.classList.add("scripted");
}
