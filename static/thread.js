// The conversation: follows what streams in, and joins citations with their sources.
(() => {
  "use strict";
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

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
    const row = document.createElement("li"), [words, time] = [document.createElement("span"), document.createElement("span")];
    words.textContent = step.summary || step.name;
    // What goes on now, while what is done stands in the list.
    if (step.now) one("[data-now]", run).textContent = step.now;
    time.className = "num";
    if (step.milliseconds != null) time.textContent = `${(step.milliseconds / 1000).toFixed(1)}\u00a0s`;
    row.append(words, time);
    one(".steps ol", run).append(row);
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

  // Citations: chip and card light up together; without the rail the sheet opens.
  const light = (event) => {
    const chip = event.target.closest && event.target.closest("a.cite");
    all(".source.on").forEach((card) => card.classList.remove("on"));
    if (chip) { const card = document.getElementById(chip.hash.slice(1)); if (card) card.classList.add("on"); }
  };
  document.addEventListener("mouseover", light);
  document.addEventListener("focusin", light);

  document.addEventListener("click", (event) => {
    const hit = (selector) => event.target.closest(selector);
    const cite = hit("a.cite"), card = cite && document.getElementById(cite.hash.slice(1));
    if (card && !card.offsetParent) { event.preventDefault(); const sheet = document.getElementById(card.dataset.sheet); if (sheet && !sheet.matches(":popover-open")) sheet.showPopover(); }
    if (hit("[data-rate]")) hit("[data-rate]").setAttribute("aria-pressed", "true");
    if (hit("#newest")) follow(true);
  });
  // A page shown anew brings a new list, which begins at its top.
  let before;
  document.addEventListener("htmx:beforeSwap", () => {
    const el = thread();
    before = el && { el, top: el.scrollTop, near: isNearEnd(el) };
  });
  document.addEventListener("htmx:afterSwap", () => {
    const el = thread();
    if (!el || !before || before.el === el) return follow(el && isNearEnd(el));
    el.scrollTop = before.top;
    follow(before.near);
  });
  document.addEventListener("scroll", (event) => { if (event.target === thread() && one("#newest")) one("#newest").hidden = isNearEnd(thread()); }, true);
  document.addEventListener("DOMContentLoaded", () => { if (!location.hash) follow(true); });
})();
