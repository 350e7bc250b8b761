// Follows the node: when something happened, fetches this page again and puts its new sections in place.
// Without this script the page is complete; it only stands still.

const QUIET_MS = 1000; // a burst of trades costs one fetch; the first of them is shown at once
let waiting = false, latest = -QUIET_MS;

async function refresh() {
  waiting = false;
  latest = performance.now();
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const section of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(section.id);
    const inUse = section.contains(document.activeElement) && document.activeElement.tagName === "A";
    if (next && !inUse && next.innerHTML !== section.innerHTML) section.innerHTML = next.innerHTML;
  }
}

function soon() {
  if (waiting || document.hidden) return;
  waiting = true;
  setTimeout(() => refresh().catch(() => {}), Math.max(0, latest + QUIET_MS - performance.now()));
}

function say(isLost) {
  const connection = document.getElementById("connection");
  connection.textContent = isLost ? connection.dataset.lost : "";
  document.body.classList.toggle("stale", isLost);
}

const events = new EventSource("/events");
for (const kind of ["interval", "trade", "run", "missed"]) events.addEventListener(kind, soon);
let lost = false; // what the server wrote is new enough until the connection was lost once
events.addEventListener("open", () => { say(false); if (lost) soon(); });
events.addEventListener("error", () => { lost = true; say(true); });
document.addEventListener("visibilitychange", soon);
document.addEventListener("changed-here", soon); // by a wallet on this page
