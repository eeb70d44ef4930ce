"use strict";
// Everything here only eases what works without it: each link and form is complete by itself.

const themeTexts = document.currentScript.dataset; // in the reader's language

// Find rows: add, remove.
function readyRow(row) {
  const button = row.querySelector("[data-remove-row]");
  button.hidden = false;
  button.addEventListener("click", () => {
    const rows = row.parentElement;
    if (rows.children.length > 1) row.remove();
    else row.querySelector("input").value = "";
    rows.querySelector("select").focus();
  });
}
document.querySelectorAll(".find-row").forEach(readyRow);
document.querySelectorAll("[data-add-row]").forEach((button) => {
  button.hidden = false;
  button.addEventListener("click", () => {
    const rows = document.querySelector(".find-rows");
    const row = rows.lastElementChild.cloneNode(true);
    row.querySelector("input").value = "";
    rows.append(row);
    readyRow(row);
    row.querySelector("select").focus();
  });
});

// "/" goes to the find row of a list; else, and from an empty find row, to the find of all.
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  const row = document.querySelector(".find-row:last-child input");
  const typing = /INPUT|TEXTAREA|SELECT/.test(event.target.tagName);
  if (typing && (event.target !== row || row.value)) return;
  const field = typing || !row ? document.getElementById("find-q") : row;
  if (field) {
    event.preventDefault();
    field.focus();
  }
});

// Django's pickers of groups and permissions tell their help by an icon: say that it is one.
window.addEventListener("load", () => {
  document.querySelectorAll(".help-tooltip[aria-label]").forEach((icon) => icon.setAttribute("role", "img"));
});

// Copy the PEM.
document.querySelectorAll("[data-copy]").forEach((button) => {
  if (!navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = themeTexts.copied;
  });
});

// Fields that only one choice of the key needs; node and purpose that load the form anew.
function readyForm(root, load) {
  root.querySelectorAll("[data-only-for]").forEach((part) => {
    const key = root.querySelector("[name=key]");
    const update = () => {
      part.hidden = key.value !== part.dataset.onlyFor && !part.querySelector(".errorlist");
    };
    key.addEventListener("change", update);
    update();
  });
  root.querySelectorAll("[data-reload]").forEach((select) => {
    select.addEventListener("change", () => {
      const form = select.form;
      const address = new URL(form.getAttribute("action"), location.href);
      address.searchParams.set("node", form.node.value);
      address.searchParams.set("purpose", form.purpose.value);
      if (form.distribution) address.searchParams.set("distribution", form.distribution.value);
      load(address.href);
    });
  });
}
readyForm(document, (address) => { location.href = address; });

// Dialogs: the form of a page in a native dialog; it is submitted as the page would be.
async function fill(dialog, response) {
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const form = page.querySelector("[data-dialog-form]");
  if (!form) {
    location.href = response.url;
    return;
  }
  const title = document.createElement("h2");
  title.textContent = page.querySelector("#content h1")?.textContent || "";
  title.id = "dialog-title";
  dialog.replaceChildren(title, form);
  readyForm(dialog, (address) => open(dialog, address));
  form.querySelector("[data-close]").addEventListener("click", (event) => {
    event.preventDefault();
    dialog.close();
  });
  form.addEventListener("submit", () => {
    if ("saves" in form.dataset) setTimeout(() => dialog.close(), 0);
    else form.querySelector("[type=submit]").textContent = themeTexts.working;
  });
  if (!dialog.open) dialog.showModal();
}
async function open(dialog, address) {
  await fill(dialog, await fetch(address));
}
const bindDialogs = (part) => part.querySelectorAll("a[data-dialog]").forEach((link) => {
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const dialog = document.createElement("dialog");
    dialog.className = "window";
    dialog.setAttribute("aria-labelledby", "dialog-title");
    dialog.addEventListener("close", () => {
      dialog.remove();
      link.focus();
    });
    document.body.append(dialog);
    open(dialog, link.href);
  });
});
bindDialogs(document);

// A page that answered a form keeps the answer; the part that shows how things stand is new.
async function renew(part) {
  const answer = await fetch(part.dataset.renew);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById(part.id);
  if (!fresh) throw new Error("signed out");
  part.replaceWith(fresh);
  bindDialogs(fresh);
}

// A running job: look again each second, until it has ended; then see what has come of it.
const PATIENCE = 10000; // an answer that is lost on the way must not end the looking
async function follow(section) {
  try {
    const { from, stays } = section.dataset;
    const answer = await fetch(from || location.href, { signal: AbortSignal.timeout(PATIENCE) });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("#job");
    if (!fresh) throw new Error("signed out");
    const then = from ? "" : fresh.dataset.then;
    for (const [name, value] of Object.entries({ from, stays })) {
      if (value !== undefined) fresh.dataset[name] = value;
    }
    section.replaceWith(fresh);
    if ("live" in fresh.dataset) setTimeout(follow, 1000, fresh);
    else if (then) location.href = then;
    else if (stays === undefined) location.reload();
    else document.querySelectorAll("[data-renew]").forEach(renew);
  } catch {
    section.querySelector("[data-lost]").hidden = false;
    setTimeout(follow, 3000, section);
  }
}
document.querySelectorAll("#job[data-live]").forEach((section) => setTimeout(follow, 700, section));
