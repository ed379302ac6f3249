// Keys for the review desk, and what a pin or a forbid would change without leaving the page. Buttons do all of it too.
"use strict";
(() => {
  const pairings = [...document.querySelectorAll("article.pairing")];
  const keys = document.getElementById("keys");
  for (const one of document.querySelectorAll(".on-script")) one.hidden = false;

  const at = () => pairings.findIndex((one) => one.contains(document.activeElement));
  const go = (to) => {
    const one = pairings[Math.max(0, Math.min(pairings.length - 1, to))];
    if (!one) return;
    one.focus({ preventScroll: true });
    one.scrollIntoView({ block: "start" });
  };
  const chosen = () => pairings[at()] ?? (pairings.find((one) => `#${one.id}` === location.hash) || pairings[0]);
  const press = (what) => chosen()?.querySelector(`button[value="${what}"]:not(:disabled)`)?.click();

  const does = {
    j: () => go(at() < 0 ? pairings.indexOf(chosen()) + (location.hash ? 1 : 0) : at() + 1),
    k: () => go(at() - 1),
    a: () => press("approve"),
    h: () => press("hold"),
    p: () => press("pin"),
    f: () => press("forbid"),
    r: () => chosen()?.querySelector("input[name=why]")?.focus(),
    u: () => document.getElementById("undo")?.click(),
    x: () => chosen()?.querySelector("input[name=chosen]")?.click(),
    e: () => chosen()?.querySelector(".more a")?.click(),
    s: () => chosen()?.querySelectorAll(".more a")[1]?.click(),
    "/": () => {
      const search = document.getElementById("text");
      search.closest("details").open = true;
      search.focus();
    },
    "?": () => keys.showModal(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || keys.open) return;
    const typing = event.target.matches("input:not([type=checkbox]), textarea, select");
    if (typing) {
      if (event.key === "Escape") event.target.blur();
      if (event.key === "Enter" && event.target.name === "why" && event.target.closest("article.pairing")) {
        event.preventDefault(); // the form's first button approves
        event.target.form.querySelector('button[value="reject"]').click();
      }
      return;
    }
    if (!Object.hasOwn(does, event.key)) return;
    event.preventDefault();
    does[event.key]();
  });

  const target = location.hash.startsWith("#p-") && document.getElementById(location.hash.slice(1));
  if (target) target.focus({ preventScroll: true });

  document.getElementById("all")?.addEventListener("change", (event) => {
    for (const box of document.querySelectorAll("input[name=chosen]")) box.checked = event.target.checked;
  });

  const foresee = async (article, form, what) => {
    const fields = new FormData(form);
    const query = new URLSearchParams({ part: "true", do: what });
    for (const name of ["seen", "why", "back"]) query.set(name, fields.get(name) ?? "");
    const answer = await fetch(`${form.action}/knock-on?${query}`, { redirect: "error" });
    if (!answer.ok) throw new Error(answer.statusText);
    document.querySelectorAll(".knock-on").forEach((one) => one.remove());
    article.insertAdjacentHTML("beforeend", await answer.text()); // our own template, escaped there
    article.querySelector(".knock-on h2").focus();
  };
  document.addEventListener("submit", (event) => {
    const article = event.target.closest("article.pairing");
    const what = event.submitter?.value;
    if (!article || !["pin", "forbid"].includes(what)) return;
    event.preventDefault();
    event.submitter.disabled = true;
    foresee(article, event.target, what)
      .catch(() => { location.assign(`${event.target.action}/knock-on?do=${what}`); })
      .finally(() => { event.submitter.disabled = false; });
  });
})();
