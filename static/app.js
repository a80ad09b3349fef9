(() => {
  "use strict";
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const say = (words) => { const box = one("#announcer"); if (box) box.textContent = words; };
  const typing = (el) => el.matches("input:not([type=checkbox],[type=radio]), textarea, select, [contenteditable]");

  function prepare(root) {
    all("[data-reveal]", root).forEach((button) => { button.hidden = false; });
    all("[data-shortcuts], [data-needs-js]", root).forEach((el) => { el.hidden = false; });
    all("dialog[open][data-modal]", root).forEach((dialog) => { dialog.close(); dialog.showModal(); });
    all("[data-toast]", root).forEach((toast) => {
      let timer;
      const start = () => { timer = setTimeout(() => toast.remove(), 6000); };
      for (const pause of ["mouseenter", "focusin"]) toast.addEventListener(pause, () => clearTimeout(timer));
      for (const resume of ["mouseleave", "focusout"]) toast.addEventListener(resume, start);
      start();
    });
    all("[data-wait]", root).forEach((button) => { // a refusal that ends by itself counts down on its button
      let left = Number(button.dataset.wait);
      const words = button.textContent;
      const tick = () => { button.disabled = left > 0; button.textContent = left > 0 ? `${words} (${left})` : words; if (left-- > 0) setTimeout(tick, 1000); };
      tick();
    });
    all("[data-choose]", root).forEach(choose);
    all("textarea[data-grow]", root).forEach(grow);
  }

  function grow(box) {
    if (CSS.supports("field-sizing", "content")) return;
    box.rows = 1;
    while (box.scrollHeight > box.clientHeight && box.rows < 8) box.rows += 1;
  }

  // The list of databases: filter, count, meter and button follow what is ticked.
  function choose(form) {
    const boxes = all("input[name=source]", form);
    const ticked = boxes.filter((box) => box.checked);
    const used = ticked.reduce((sum, box) => sum + Number(box.dataset.pages || 0), 0);
    const show = (name, words) => all(`[data-show=${name}]`, form).forEach((el) => { el.textContent = words; });
    show("count", ticked.length.toLocaleString());
    show("pages", used.toLocaleString());
    const word = one("[data-show=noun]", form);
    if (word) word.textContent = ticked.length === 1 ? word.dataset.one : word.dataset.many;
    const limit = Number(form.dataset.limit || 0), meter = one("svg.meter", form);
    if (limit && meter) {
      const share = Math.min(100, (used / limit) * 100);
      one(".part", meter).setAttribute("width", `${share}%`);
      meter.classList.toggle("warn", share >= 80 && share < 100);
      meter.classList.toggle("bad", share >= 100);
    }
    all("[data-needs-choice]", form).forEach((button) => { button.disabled = ticked.length === 0; });
  }

  const thread = () => one("#thread");
  const isNearEnd = (el) => el.scrollHeight - el.scrollTop - el.clientHeight < 80;
  function follow(wasNear) {
    const el = thread(), pill = one("#newest");
    if (!el) return;
    if (wasNear) el.scrollTop = el.scrollHeight;
    if (pill) pill.hidden = isNearEnd(el);
  }

  // Streaming. An event is shown once, however often a broken connection repeats it.
  const seen = new WeakMap();
  document.addEventListener("htmx:sseBeforeMessage", (event) => {
    const message = event.detail, run = event.target.closest("[data-run]"), near = thread() && isNearEnd(thread());
    if (!seen.has(run)) seen.set(run, new Set());
    if (message.lastEventId && seen.get(run).has(message.lastEventId)) return event.preventDefault();
    seen.get(run).add(message.lastEventId);
    const old = message.type === "block" && document.getElementById((/^\s*<\w+ id="([\w-]+)"/.exec(message.data) || [])[1]);
    if (old) { old.outerHTML = message.data; event.preventDefault(); }
    if (message.type === "delta") { one(".raw", run).append(JSON.parse(message.data).text); event.preventDefault(); }
    if (message.type === "step") { addStep(run, JSON.parse(message.data)); event.preventDefault(); }
    requestAnimationFrame(() => follow(near));
  });
  function addStep(run, step) {
    const row = document.createElement("li"), words = document.createElement("span"), time = document.createElement("span");
    words.textContent = step.summary || step.name;
    time.className = "num";
    if (step.milliseconds != null) time.textContent = `${(step.milliseconds / 1000).toFixed(1)}\u00a0s`;
    row.append(words, time);
    one(".steps ol", run).append(row);
    one("[data-now]", run).textContent = words.textContent;
  }
  let lost;
  const connection = (event, isLost) => all("[data-connection]", event.target.closest("[data-run]") || document).forEach((line) => {
    line.hidden = !isLost;
    line.textContent = line.dataset.lost;
    clearTimeout(lost);
    if (isLost) lost = setTimeout(() => { line.textContent = line.dataset.long; }, 30000);
  });
  document.addEventListener("htmx:sseError", (event) => {
    // The server's own "error" event carries data; a broken connection has the same name and none.
    const refresh = event.detail.error.data && one("[data-refresh]", event.target.closest("[data-run]"));
    if (refresh) window.htmx.trigger(refresh, "ended"); else connection(event, true);
  });
  document.addEventListener("htmx:sseOpen", (event) => connection(event, false));
  let quarter = 0;
  document.addEventListener("htmx:afterSwap", (event) => {
    prepare(event.target.parentElement || document);
    const now = one("[data-percent]");
    if (now && Math.floor(now.dataset.percent / 25) !== quarter) { quarter = Math.floor(now.dataset.percent / 25); say(now.dataset.says); }
    follow(thread() && isNearEnd(thread()));
  });
  for (const failure of ["htmx:sendError", "htmx:responseError"]) document.addEventListener(failure, () => all("[data-offline]").forEach((line) => { line.hidden = false; }));

  // Citations: chip and card light up together; without the rail the sheet opens.
  const light = (event) => {
    const chip = event.target.closest && event.target.closest("a.cite");
    all(".source.on").forEach((card) => card.classList.remove("on"));
    if (chip) { const card = document.getElementById(chip.hash.slice(1)); if (card) card.classList.add("on"); }
  };
  document.addEventListener("mouseover", light);
  document.addEventListener("focusin", light);

  const copy = (button) => navigator.clipboard.writeText((one(`#${button.dataset.copy}`) || {}).innerText || location.href).then(() => {
    const words = button.getAttribute("aria-label") || button.textContent;
    say(button.dataset.copied);
    button.setAttribute("aria-label", button.dataset.copied);
    setTimeout(() => button.setAttribute("aria-label", words), 2000);
  });
  document.addEventListener("click", (event) => {
    const hit = (selector) => event.target.closest(selector);
    all("details.drop[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
    const cite = hit("a.cite"), card = cite && document.getElementById(cite.hash.slice(1));
    if (card && !card.offsetParent) { event.preventDefault(); const sheet = document.getElementById(card.dataset.sheet); if (sheet) sheet.showPopover(); }
    if (hit("[data-copy]")) copy(hit("[data-copy]"));
    if (hit("[data-shortcuts]")) one("#shortcuts").showModal();
    if (hit("#newest")) follow(true);
    if (hit("[data-all]")) { all("[data-choose] li:not([hidden]) input[name=source]:not(:disabled)").forEach((box) => { box.checked = hit("[data-all]").dataset.all === "yes"; }); choose(one("[data-choose]")); }
    const reveal = hit("[data-reveal]");
    if (reveal) { const input = document.getElementById(reveal.dataset.reveal), isShown = input.type === "text"; input.type = isShown ? "password" : "text"; reveal.setAttribute("aria-pressed", String(!isShown)); }
    const theme = hit("[data-theme-form] button");
    if (theme) { document.documentElement.dataset.theme = theme.value; all("button", theme.form).forEach((other) => other.setAttribute("aria-pressed", String(other === theme))); }
  });
  document.addEventListener("input", (event) => {
    if (event.target.matches("[data-filter]")) all(".pick > li").forEach((row) => { row.hidden = !row.textContent.toLowerCase().includes(event.target.value.trim().toLowerCase()); });
    if (event.target.matches("textarea[data-grow]")) grow(event.target);
    const saving = event.target.closest("form[data-unsaved]"), mark = saving && one("[data-unsaved-mark]", saving);
    if (mark) mark.hidden = false;
  });
  document.addEventListener("change", (event) => { const form = event.target.closest("[data-choose]"); if (form) choose(form); if (event.target.matches("[data-autosubmit]")) event.target.form.requestSubmit(); });
  document.addEventListener("submit", (event) => { const button = event.submitter; if (button && !event.target.matches("[data-theme-form], [method=dialog]")) { button.setAttribute("aria-busy", "true"); if (event.target.dataset.sent) event.preventDefault(); event.target.dataset.sent = "1"; } });

  // Keys of the whole product; single keys rest while somebody types.
  let going = 0;
  const step = (by) => { const rows = all("[data-row]"), at = rows.findIndex((row) => row.contains(document.activeElement)), next = rows[Math.min(rows.length - 1, Math.max(0, at + by))]; if (next) (one("a", next) || next).focus(); };
  const turn = (by) => { const links = all("[data-conversation]"), at = links.findIndex((link) => link.hasAttribute("aria-current")); const next = links[at + by]; if (next) next.click(); };
  const keys = { "/": () => one("[data-box]") && one("[data-box]").focus(), "?": () => one("#shortcuts") && one("#shortcuts").showModal(), n: () => one("[data-go=new]").click(), f: () => one("[data-filter], [name=q]") && one("[data-filter], [name=q]").focus(), j: () => step(1), k: () => step(-1), "[": () => turn(-1), "]": () => turn(1), c: () => { const last = all("[data-copy]").pop(); if (last) copy(last); }, x: () => { const row = document.activeElement.closest("[data-row]"), box = row && one("input[type=checkbox], [data-complete]", row); if (box) box.click(); }, a: () => one("[data-all=yes]") && one("[data-all=yes]").click() };
  document.addEventListener("keydown", (event) => {
    const el = event.target, isAsking = el.matches("textarea[data-box]");
    if (isAsking && event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); if (el.value.trim() && !el.form.dataset.busy) el.form.requestSubmit(); return; }
    if (isAsking && event.key === "ArrowUp" && !el.value && el.dataset.last) { el.value = el.dataset.last; event.preventDefault(); return; }
    if (event.key === "Escape") { all("details.drop[open]").forEach((menu) => { menu.open = false; }); const stop = one("[data-stop]"); if (stop && !one("dialog[open], :popover-open")) stop.click(); if (typing(el)) el.blur(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(el) || one("dialog[open]") || document.body.dataset.keys === "off") return;
    const key = event.key.toLowerCase(), link = Date.now() - going < 1500 && one(`[data-go="${CSS.escape(key)}"]`);
    going = key === "g" ? Date.now() : 0;
    if (link) { event.preventDefault(); link.click(); } else if (Object.hasOwn(keys, key)) { event.preventDefault(); keys[key](); }
  });
  document.addEventListener("scroll", (event) => { if (event.target === thread() && one("#newest")) one("#newest").hidden = isNearEnd(thread()); }, true);
  document.addEventListener("toggle", (event) => { if (event.target.id === "sidebar") one(".panel").inert = event.newState === "open"; }, true);
  addEventListener("pageshow", () => all("form[data-sent]").forEach((form) => { delete form.dataset.sent; all("[aria-busy]", form).forEach((button) => button.removeAttribute("aria-busy")); }));
  document.addEventListener("DOMContentLoaded", () => { prepare(document); if (!location.hash) follow(true); const wrong = one("[aria-invalid=true]"); if (wrong) wrong.focus(); });
})();
