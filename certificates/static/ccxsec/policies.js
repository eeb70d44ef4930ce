"use strict";
// Eases what works without it: Select All, profiles, fields that do not apply, the pre-flight.

const policyTexts = document.currentScript.dataset; // in the reader's language

// A link that acts as a button is pressed with the space bar, too.
document.querySelectorAll("a[role=button]").forEach((link) => {
  link.addEventListener("keydown", (event) => {
    if (event.key !== " ") return;
    event.preventDefault();
    link.click();
  });
});

// Select All, Clear All.
document.querySelectorAll("[data-tick]").forEach((link) => {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    document.querySelectorAll("input.action-select").forEach((box) => {
      if (box.checked !== (link.dataset.tick === "all")) box.click();
    });
  });
});

// What does not apply to what is chosen: the theme hides it, and it is not sent.
function readyPolicy(form) {
  const applies = () => {
    form.querySelectorAll(".for-key, .for-certificate, .for-different, .for-enabled").forEach((part) => {
      const isShown = getComputedStyle(part).display !== "none";
      part.querySelectorAll("input, select").forEach((field) => {
        field.disabled = !isShown;
      });
    });
  };
  if (form.querySelector("[type=submit]")) {
    form.addEventListener("change", applies);
    applies();
  }

  // A profile fills in both phases.
  document.querySelectorAll("[data-profile]").forEach((link) => {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      for (const [name, value] of Object.entries(JSON.parse(link.dataset.profile))) {
        form.elements[name].value = value;
      }
      form.dispatchEvent(new Event("change"));
      document.querySelector("[data-profile-tells]").textContent = link.dataset.tells;
    });
  });

  // A pre-flight leaves the form as it is, with the key that was typed.
  const button = form.querySelector("[data-preflight]");
  button?.addEventListener("click", async (event) => {
    event.preventDefault();
    const place = form.querySelector("[data-checks]");
    button.disabled = true;
    const { textContent } = button;
    button.textContent = policyTexts.looking;
    try {
      const data = new FormData(form, button);
      data.set("preflight", "yes");
      const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(data) });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const checks = page.querySelector("#preflight");
      if (!checks) throw new Error("refused");
      checks.querySelector("[data-without-script]")?.remove();
      document.getElementById("preflight")?.remove();
      place.replaceChildren(checks);
      place.scrollIntoView({ block: "nearest" });
    } catch {
      // Refused, or signed out: the page itself says it, at the fields.
      const asked = document.createElement("input");
      Object.assign(asked, { type: "hidden", name: "preflight", value: "yes" });
      form.append(asked);
      form.submit();
      return;
    }
    button.disabled = false;
    button.textContent = textContent;
  });
}
document.querySelectorAll("[data-policy-form]").forEach(readyPolicy);
