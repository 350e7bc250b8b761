// A wallet whose key the community holds: it speaks EIP-1193 to wallet.mjs as others do, and for each signature asks the
// member's passkey to answer for the very digest that is signed. The passkey's secret opens the key for that moment.

import { json } from "./wallet.mjs";

const KEPT = "resilia-passkey-account";

function bytes(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function text(buffer) {
  const plain = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Turn the base64url of the node's options into the bytes that browsers want. */
function options({ challenge, user, allowCredentials, extensions, ...rest }) {
  return {
    ...rest,
    challenge: bytes(challenge),
    extensions: { prf: { eval: { first: bytes(extensions.prf.eval.first) } } },
    ...(user ? { user: { ...user, id: bytes(user.id) } } : {}),
    ...(allowCredentials ? { allowCredentials: allowCredentials.map((each) => ({ ...each, id: bytes(each.id) })) } : {}),
  };
}

function secretOf(credential) {
  const first = credential.getClientExtensionResults().prf?.results?.first;
  return first ? text(first) : null;
}

function document_(credential) {
  const { response } = credential;
  const given = { clientDataJSON: text(response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature"]) {
    if (response[name]) given[name] = text(response[name]);
  }
  return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response: given };
}

async function signed(account, kind, message) {
  const asked = await json(`/held/${account}/challenge`, { method: "POST", body: { kind, message } });
  const credential = await navigator.credentials.get({ publicKey: options(asked) }).catch(refused);
  const body = { kind, message, assertion: document_(credential), secret: secretOf(credential) };
  const { signature } = await json(`/held/${account}/signature`, { method: "POST", body });
  localStorage.setItem(KEPT, account); // pages that are no account's offer it from now on
  return signature;
}

function refused(error) {
  throw Object.assign(error, error.name === "NotAllowedError" ? { code: 4001 } : {});
}

function announce(account, chainId) {
  const answers = {
    eth_requestAccounts: () => [account],
    eth_chainId: () => chainId,
    eth_signTypedData_v4: ([, data]) => {
      const { primaryType, message } = JSON.parse(data);
      return signed(account, primaryType, message);
    },
    personal_sign: ([hex]) => {
      const raw = Uint8Array.from(hex.slice(2).match(/../g), (pair) => parseInt(pair, 16));
      return signed(account, "sentence", new TextDecoder().decode(raw));
    },
  };
  const request = async ({ method, params = [] }) => {
    if (!(method in answers)) throw Object.assign(new Error(`${method} is not supported`), { code: 4200 });
    return answers[method](params);
  };
  const info = { uuid: `passkey-${account}`, name: `Passkey ${account.slice(0, 8)}`, icon: "data:,", rdns: "resilia.passkey" };
  window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail: Object.freeze({ info, provider: { request } }) }));
}

/** Make a passkey with the invitation in the address, and let it open the key from now on. */
async function take(panel) {
  const { account } = panel.dataset, invitation = location.hash.slice(1);
  const asked = options(await json(`/held/${account}/registration`, { method: "POST", body: { invitation } }));
  const made = await navigator.credentials.create({ publicKey: asked }).catch(refused);
  let secret = secretOf(made);
  if (!secret) { // most authenticators compute only when they are used, not when they are made
    const allowCredentials = [{ type: "public-key", id: made.rawId }];
    const use = { rpId: asked.rp.id, challenge: asked.challenge, extensions: asked.extensions, userVerification: "required", allowCredentials };
    secret = secretOf(await navigator.credentials.get({ publicKey: use }).catch(refused));
  }
  if (!secret) throw new Error(panel.dataset.unable);
  await json(`/held/${account}`, { method: "POST", body: { invitation, credential: document_(made), secret } });
  localStorage.setItem(KEPT, account);
  location.assign(`/accounts/${account}`);
}

const hold = document.querySelector("[data-hold]");
hold?.querySelector("button").addEventListener("click", async ({ target }) => {
  const told = hold.querySelector("[role=status]");
  target.disabled = true;
  told.className = "verdict";
  told.textContent = hold.dataset.waiting;
  try {
    await take(hold);
  } catch (error) {
    told.textContent = error.code === 4001 ? hold.dataset.refused : error.message;
    told.className = "verdict bad";
    target.disabled = false;
  }
});

const panel = document.querySelector("[data-wallet]");
const account = panel?.dataset.held || (!location.pathname.startsWith("/accounts/") && localStorage.getItem(KEPT));
if (panel && account) announce(account, "0x" + Number(panel.dataset.chain).toString(16));
