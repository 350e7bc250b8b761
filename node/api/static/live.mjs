// Follows the node. The first page is sent its new sections as they change; any other is told that something changed,
// and fetches itself again. Without this script every page is complete; it only stands still.

const SPREAD_MS = 300; // hundreds of pages are told at the same moment: they do not all ask at the same moment
const isFirst = location.pathname === "/";
let waiting = false;

/** Put new content into the sections that changed, but not under the reader's hand. */
function put(contentOf) {
  for (const section of document.querySelectorAll("[data-live]")) {
    const next = contentOf(section.id);
    const inUse = section.contains(document.activeElement) && document.activeElement.tagName === "A";
    if (next !== undefined && !inUse && next !== section.innerHTML) section.innerHTML = next;
  }
}

async function refresh() {
  waiting = false;
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  put((id) => fresh.getElementById(id)?.innerHTML);
}

function soon(delayMs) {
  if (waiting || document.hidden) return;
  waiting = true;
  setTimeout(() => refresh().catch(() => {}), delayMs);
}

function say(isLost) {
  const connection = document.getElementById("connection");
  connection.textContent = isLost ? connection.dataset.lost : "";
  document.body.classList.toggle("stale", isLost);
}

const news = new EventSource(isFirst ? "/follow/now" : "/follow");
news.addEventListener("changed", (event) => {
  if (!isFirst) return soon(Math.random() * SPREAD_MS);
  const sections = JSON.parse(event.data);
  put((id) => sections[id]);
});
news.addEventListener("open", () => say(false));
news.addEventListener("error", () => say(true));
document.addEventListener("visibilitychange", () => soon(0));
document.addEventListener("changed-here", () => soon(0)); // by a wallet on this page
