(() => {
  "use strict";
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const say = (words) => { const box = one("#announcer"); if (box) box.textContent = words; };
  const typing = (el) => el.matches("input:not([type=checkbox],[type=radio]), textarea, select, [contenteditable]");

  function prepare(root) {
    all("[data-reveal], [data-shortcuts], [data-needs-js]", root).forEach((el) => { el.hidden = false; });
    all("dialog[open][data-modal]", root).forEach((dialog) => { dialog.close(); dialog.showModal(); });
    all("[data-toast]", root).forEach((toast) => {
      const leave = () => { if (toast.matches(":hover, :focus-within")) setTimeout(leave, 1000); else toast.remove(); };
      setTimeout(leave, 6000);
    });
    all("[data-wait]", root).forEach((button) => { // a refusal that ends by itself counts down on its button
      let left = Number(button.dataset.wait);
      const words = button.textContent;
      const tick = () => { button.disabled = left > 0; button.textContent = left > 0 ? `${words} (${left})` : words; if (left-- > 0) setTimeout(tick, 1000); };
      tick();
    });
    all("[data-choose]", root).forEach(choose);
    all("[data-shares]", root).forEach(share);
    all("textarea[data-grow]", root).forEach(grow);
    all("[data-jump]", root).forEach((select) => { if (all("option", select).some((option) => `#${option.value}` === location.hash)) select.value = location.hash.slice(1); });
    all("input[data-zone]", root).forEach((input) => { input.value = Intl.DateTimeFormat().resolvedOptions().timeZone || ""; });
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
    all("[data-show=noun]", form).forEach((word) => { word.textContent = ticked.length === 1 ? word.dataset.one : word.dataset.many; });
    const limit = Number(form.dataset.limit || 0), meter = one("svg.meter", form);
    if (limit && meter) {
      const share = Math.min(100, (used / limit) * 100);
      one(".part", meter).setAttribute("width", `${share}%`);
      meter.classList.toggle("warn", share >= 80 && share < 100);
      meter.classList.toggle("bad", share >= 100);
    }
    all("[data-needs-choice]", form).forEach((button) => { button.disabled = ticked.length === 0; });
  }

  // Notion's consent page is reached by a link, so what is ticked beside it travels in its address.
  const share = (box) => all("a[data-authorize]").forEach((link) => { link.search = box.checked ? "?shared=1" : ""; });

  let quarter = 0;
  const progress = () => {
    const now = one("[data-percent]");
    if (now && Math.floor(now.dataset.percent / 25) !== quarter) { quarter = Math.floor(now.dataset.percent / 25); say(now.dataset.says); }
  };
  document.addEventListener("htmx:afterSwap", (event) => { prepare(event.target.parentElement || document); progress(); });
  document.addEventListener("htmx:sseMessage", progress);
  // What is pressed at this moment stays where it is; the next state comes within a second.
  document.addEventListener("htmx:sseBeforeMessage", (event) => { if (event.target.matches("#live:active")) event.preventDefault(); });
  document.addEventListener("htmx:beforeRequest", (event) => { if (document.hidden && event.target.matches("[data-seen-only]")) event.preventDefault(); });
  const offline = (isLost) => all("[data-offline]").forEach((line) => { line.hidden = !isLost; });
  for (const failure of ["htmx:sendError", "htmx:responseError", "htmx:sseError"]) document.addEventListener(failure, () => offline(true));
  document.addEventListener("htmx:sseOpen", () => offline(false));

  const copy = (button) => navigator.clipboard?.writeText(one(`#${button.dataset.copy}`).innerText).then(() => {
    const shown = one("[data-copy-words]", button), words = shown ? shown.textContent : button.getAttribute("aria-label");
    const call = (name) => { if (shown) shown.textContent = name; else button.setAttribute("aria-label", name); };
    say(button.dataset.copied);
    call(button.dataset.copied);
    setTimeout(() => call(words), 2000);
  });
  document.addEventListener("click", (event) => {
    const hit = (selector) => event.target.closest(selector);
    all("details.drop[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
    if (hit("[data-copy]")) copy(hit("[data-copy]"));
    if (hit("[data-shortcuts]")) one("#shortcuts").showModal();
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
  document.addEventListener("change", (event) => { const form = event.target.closest("[data-choose]"); if (form) choose(form); if (event.target.matches("[data-shares]")) share(event.target); if (event.target.matches("[data-autosubmit]")) event.target.form.requestSubmit(); if (event.target.matches("[data-jump]")) location.hash = event.target.value; });
  // A form is sent once; what stays on the page (a download) can be sent again after a while.
  const release = () => all("form[data-sent]").forEach((form) => { delete form.dataset.sent; all("[aria-busy]", form).forEach((button) => button.removeAttribute("aria-busy")); });
  document.addEventListener("submit", (event) => {
    if (event.target.matches("[hx-post], [method=dialog]") || event.target.method === "get") return;
    if (event.target.dataset.sent) event.preventDefault();
    event.target.dataset.sent = "1";
    if (event.submitter) event.submitter.setAttribute("aria-busy", "true");
    setTimeout(release, 8000);
  });

  // Keys of the whole product; single keys rest while somebody types.
  let going = 0;
  const press = (selector) => one(selector)?.click();
  const step = (by) => {
    const rows = all("[data-row]:not([hidden])"), at = rows.findIndex((row) => row.contains(document.activeElement));
    const next = rows[Math.min(rows.length - 1, Math.max(0, at + by))];
    if (next) one("a, input, button", next)?.focus();
  };
  const turn = (by) => {
    const links = all("[data-conversation]"), at = links.findIndex((link) => link.hasAttribute("aria-current"));
    links[at + by]?.click();
  };
  const keys = {
    "/": () => one("[data-box]")?.focus(),
    f: () => one("[data-filter], [name=q]")?.focus(),
    "?": () => one("#shortcuts")?.showModal(),
    n: () => press("[data-go=new]"),
    a: () => press("[data-all=yes]"),
    c: () => { const last = all("[data-copy]").pop(); if (last) copy(last); },
    x: () => { const row = document.activeElement.closest("[data-row]"); if (row) one("input[type=checkbox], [data-complete]", row)?.click(); },
    j: () => step(1), k: () => step(-1), arrowdown: () => step(1), arrowup: () => step(-1), "[": () => turn(-1), "]": () => turn(1),
  };
  document.addEventListener("keydown", (event) => {
    const el = event.target, isAsking = el.matches("textarea[data-box]");
    if (isAsking && event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); if (el.value.trim() && !el.form.dataset.busy) el.form.requestSubmit(); return; }
    if (isAsking && event.key === "ArrowUp" && !el.value && el.dataset.last) { el.value = el.dataset.last; event.preventDefault(); return; }
    if (event.key === "Escape") {
      if (!one("dialog[open], :popover-open, details.drop[open]")) press("[data-stop]");
      all("details.drop[open]").forEach((menu) => { menu.open = false; });
      if (typing(el)) el.blur();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(el) || one("dialog[open]") || document.body.dataset.keys === "off") return;
    const key = event.key.toLowerCase(), link = Date.now() - going < 1500 && one(`[data-go="${CSS.escape(key)}"]`);
    going = key === "g" ? Date.now() : 0;
    if (link) { event.preventDefault(); link.click(); } else if (Object.hasOwn(keys, key) && (!key.startsWith("arrow") || el.closest(".pick"))) { event.preventDefault(); keys[key](); }
  });
  document.addEventListener("toggle", (event) => { if (event.target.matches("details.drop[open]")) one(".menu", event.target).scrollIntoView({ block: "nearest" }); if (event.target.id === "sidebar") one(".panel").inert = event.newState === "open"; }, true);
  addEventListener("pageshow", release);
  document.addEventListener("DOMContentLoaded", () => { prepare(document); const wrong = one("[aria-invalid=true]"); if (wrong) wrong.focus(); });
})();
