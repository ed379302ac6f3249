// Keys for the review desk, and what a pin or a forbid would change without leaving the page. Buttons do all of it too.
"use strict";
(() => {
  const pairings = [...document.querySelectorAll("article.pairing")];
  const keys = document.getElementById("keys");
  for (const one of document.querySelectorAll(".on-script")) one.hidden = false;

  const target = () => (location.hash.startsWith("#p-") ? document.getElementById(location.hash.slice(1)) : null);
  const focused = () => pairings.findIndex((one) => one.contains(document.activeElement));
  let last = pairings.indexOf(target()); // where the keys are, while something else has the focus
  document.addEventListener("focusin", () => { if (focused() >= 0) last = focused(); });

  const go = (to) => {
    const one = pairings[Math.max(0, Math.min(pairings.length - 1, to))];
    if (!one) return;
    one.focus({ preventScroll: true });
    one.scrollIntoView({ block: "start" });
  };
  const chosen = () => pairings[Math.max(0, last)];
  const press = (what) => chosen()?.querySelector(`button[value="${what}"]:not(:disabled)`)?.click();
  const follow = (link, hash = "") => { if (link) location.assign(link.href + hash); };
  const enter = (field) => { field?.focus(); return Boolean(field); };
  const at = (id) => document.getElementById(id);

  const does = {
    j: () => (at("onward") ? follow(at("onward")) : go(last + 1)),
    k: () => go(last - 1),
    a: () => press("approve"),
    h: () => press("hold"),
    p: () => press("pin"),
    f: () => press("forbid"),
    r: () => enter(chosen()?.querySelector("input[name=why]")),
    s: () => follow(chosen()?.querySelector("a.swap")),
    u: () => (at("undo") ?? document.querySelector("button.undo"))?.click(),
    x: () => chosen()?.querySelector("input[name=chosen]")?.click(),
    e: () => enter(at("says")) || follow(chosen()?.querySelector("a.more"), "#says"),
    c: () => enter(at("comment-says")) || follow(chosen()?.querySelector("a.more"), "#comment-says"),
    q: () => follow(at("queue")),
    "/": () => {
      const search = at("text");
      if (!search) return;
      search.closest("details").open = true;
      search.focus();
    },
    "?": () => keys.showModal(),
  };

  const isField = (one) => one.matches("input:not([type=checkbox]), textarea, select");
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || keys.open) return;
    if (event.key === "Escape") {
      if (close() || !isField(event.target)) return;
      const article = event.target.closest("article.pairing");
      event.target.blur();
      article?.focus();
      return;
    }
    if (isField(event.target) || !Object.hasOwn(does, event.key)) return;
    event.preventDefault();
    does[event.key]();
  });

  if (target()) target().focus({ preventScroll: true });
  else if (["#says", "#comment-says"].includes(location.hash)) enter(at(location.hash.slice(1)));

  const boxes = [...document.querySelectorAll("input[name=chosen]")];
  const count = () => {
    const ticked = boxes.filter((one) => one.checked).length;
    at("ticked").textContent = ticked ? `${ticked} ticked` : "All that are ticked";
  };
  if (at("all")) {
    document.addEventListener("change", (event) => { if (event.target.name === "chosen") count(); });
    at("all").addEventListener("click", (event) => {
      event.preventDefault();
      const all = boxes.every((one) => one.checked);
      for (const one of boxes) one.checked = !all;
      count();
    });
    count();
  }

  const close = () => {
    const open = document.querySelector("article .knock-on, article .working");
    const article = open?.closest("article");
    document.querySelectorAll("article .knock-on, article .working").forEach((one) => one.remove());
    article?.focus();
    return Boolean(open);
  };
  const foresee = async (article, address) => {
    close();
    article.insertAdjacentHTML("beforeend", '<p class="working" role="status">Looking at what this would change …</p>');
    const waits = article.querySelector(".working");
    const answer = await fetch(`${address}&part=true`, { redirect: "error" });
    if (!answer.ok) throw new Error(answer.statusText);
    const part = await answer.text();
    if (!waits.isConnected) return; // closed meanwhile, or another was asked for
    waits.remove();
    article.insertAdjacentHTML("beforeend", part); // our own template, escaped there
    article.querySelector(".knock-on h2").focus();
  };
  document.addEventListener("submit", (event) => {
    const article = event.target.closest("article.pairing");
    const what = event.submitter?.value;
    const why = event.target.elements.why;
    if (what === "reject" && why && !why.value.trim()) {
      event.preventDefault();
      why.setCustomValidity("Say why.");
      why.reportValidity(); // which leads there, and keeps the keys from being taken for commands
      why.setCustomValidity(""); // or no other button would do anything
      return;
    }
    if (!article || !["pin", "forbid"].includes(what)) return;
    event.preventDefault();
    const fields = new FormData(event.target);
    const query = new URLSearchParams({ do: what });
    for (const name of ["seen", "why", "then", "back"]) query.set(name, fields.get(name) ?? "");
    const address = `${event.target.action}/knock-on?${query}`;
    foresee(article, address).catch(() => location.assign(address));
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("article .knock-on a.cancel")) return;
    event.preventDefault();
    close();
  });
})();
