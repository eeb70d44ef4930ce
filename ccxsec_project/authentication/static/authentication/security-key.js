// A form marked data-security-key has the browser ask a security key, puts its answer into
// the field "answer" and is sent: to be judged by the server like any other form.
"use strict";
const keyTexts = document.currentScript.dataset; // in the reader's language

for (const form of document.querySelectorAll("form[data-security-key]")) {
  const trouble = form.querySelector("[data-trouble]");
  const tell = (text) => {
    trouble.textContent = text;
    trouble.hidden = false;
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    trouble.hidden = true;
    if (!window.PublicKeyCredential?.parseCreationOptionsFromJSON) {
      tell(keyTexts.cannot);
      return;
    }
    try {
      const asked = await fetch(form.dataset.options, {
        method: "POST",
        headers: { "X-CSRFToken": form.querySelector("[name=csrfmiddlewaretoken]").value },
        redirect: "error",
      });
      if (!asked.headers.get("Content-Type")?.startsWith("application/json")) {
        form.submit(); // the server asks for something else first, such as the password
        return;
      }
      const options = await asked.json();
      if (!asked.ok) {
        tell(options.error);
        return;
      }
      const answer =
        form.dataset.securityKey === "create"
          ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
          : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
      form.querySelector("[name=answer]").value = JSON.stringify(answer.toJSON());
      form.submit();
    } catch (error) {
      tell(error.name === "InvalidStateError" ? keyTexts.known : keyTexts.silent);
    }
  });
}
