// While one writes: asks every now and then whom the text could meet, and shows it below. Without this file a button does.
"use strict";
(() => {
  const form = document.getElementById("writing");
  const look = document.getElementById("look");
  const seen = document.getElementById("seen");
  if (!form || !look || !seen) return;
  const PAUSE = 800; // milliseconds without a key
  const FEWEST = 12; // characters worth asking about
  let timer = 0;
  let asked = 0;

  const ask = async () => {
    const text = form.elements.text.value.trim();
    if (text.length < FEWEST) return;
    const turn = ++asked;
    const fields = new FormData(form);
    fields.set("part", "yes");
    try {
      const answer = await fetch(form.dataset.look, { method: "POST", body: fields, redirect: "error" });
      if (!answer.ok || turn !== asked) return; // another was asked since
      seen.innerHTML = await answer.text(); // our own template, escaped there
      look.hidden = false;
    } catch {
      // the button still works
    }
  };

  const later = (event) => {
    if (!["text", "kind", "resource", "places", "remote", "themes"].includes(event.target.name)) return;
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE);
  };
  form.addEventListener("input", later);
  form.addEventListener("change", later);
})();
