// The button and the file chooser around evidence/verify.mjs, and its answer in the reader's words.

import { verify } from "./evidence/verify.mjs";

function filled(text, facts) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in facts ? String(facts[name]) : whole));
}

function shown(panel, text) {
  const trusted = {};
  for (const input of panel.querySelectorAll("input[name]")) {
    if (input.value.trim()) trusted[input.name] = input.value.trim().toLowerCase();
  }
  const links = verify(text, trusted), broken = links.filter((link) => link.fault);
  const list = panel.querySelector(".links"), verdict = panel.querySelector(".verdict");
  list.replaceChildren(
    ...links.map((link) => {
      const key = link.fault ? `[data-fault="${link.fault}"]` : `[data-proves="${link.name}"]`;
      const item = document.createElement("li"), mark = document.createElement("strong"), name = document.createElement("code");
      item.className = link.fault ? "bad" : "good";
      mark.textContent = link.fault ? `✗ ${list.dataset.broken}` : `✓ ${list.dataset.whole}`;
      name.textContent = link.name;
      item.append(mark, " ", name, " ", filled(panel.querySelector(`template${key}`).content.textContent, link.facts));
      return item;
    }),
  );
  verdict.className = broken.length ? "verdict bad" : "verdict good";
  verdict.textContent = filled(broken.length ? verdict.dataset.bad : verdict.dataset.good, {
    count: broken.length || links.length,
  });
}

for (const panel of document.querySelectorAll("[data-verifier]")) {
  const failed = (reason) => {
    const verdict = panel.querySelector(".verdict");
    panel.querySelector(".links").replaceChildren();
    verdict.className = "verdict bad";
    verdict.textContent = filled(verdict.dataset.unreadable, { reason });
  };
  panel.querySelector("[data-action=verify]")?.addEventListener("click", async () => {
    try {
      const answer = await fetch(panel.dataset.evidence, { headers: { accept: "application/json" } });
      if (!answer.ok) return failed(answer.statusText || answer.status);
      shown(panel, await answer.text());
    } catch (error) {
      failed(error.message);
    }
  });
  panel.querySelector("input[type=file]").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    if (file) shown(panel, await file.text());
    event.target.value = "";
  });
  panel.hidden = false;
}
