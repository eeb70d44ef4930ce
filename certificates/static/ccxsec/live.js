"use strict";
// The state of what a page shows, fresh each five seconds while somebody can see it. Without this
// script the page says as of when it is, and a reload shows the new state.

const PAUSE = 5000;

function takeOver(fresh, tells) {
  const part = document.getElementById(fresh.id);
  if (!part || part.innerHTML === fresh.innerHTML) return;
  const hadFocus = part.contains(document.activeElement);
  part.className = fresh.className;
  part.replaceChildren(...fresh.childNodes);
  if (hadFocus) part.querySelector("a, button")?.focus();
  const says = fresh.dataset.says;
  if (says && says !== part.dataset.says) tells.push(says);
  part.dataset.says = says;
}

async function refresh(line) {
  const options = { headers: { "X-Refresh": "1" }, signal: AbortSignal.timeout(2 * PAUSE) };
  const answer = await fetch(line.dataset.liveFrom, options);
  if (!answer.ok || answer.redirected) throw new Error("signed out");
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const tells = [];
  page.querySelectorAll("[data-live][id]").forEach((fresh) => takeOver(fresh, tells));
  if (tells.length) line.querySelector("[data-tells]").textContent = tells.join(". ");
}

document.querySelectorAll("[data-live-from]").forEach((line) => {
  const lost = line.querySelector("[data-lost]");
  line.querySelector("[data-refreshed]").hidden = false;
  line.querySelector("[data-look-again]").hidden = true;
  let waiting = null;
  const again = () => {
    clearTimeout(waiting);
    waiting = setTimeout(look, PAUSE);
  };
  const look = async () => {
    clearTimeout(waiting);
    if (document.visibilityState !== "visible") return;
    try {
      await refresh(line);
      lost.hidden = true;
    } catch {
      lost.hidden = false;
    }
    again();
  };
  document.addEventListener("visibilitychange", look);
  again();
});
