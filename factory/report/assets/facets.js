// Filters, in the report and in a release's viewer: a form whose controls are called as the parameters of the page's
// address. What is chosen stands in both, so a link shows what its sender saw; `chosen` says it in words.
function facets(form, { apply, chosen, extra = [] }) {
  const kept = {};
  let written = location.search;
  const controls = () => all("[name]", form);
  const first = (control) => (control.tagName === "SELECT" ? control.options[0]?.value : "");
  const isSet = (control) => (control.type === "checkbox" ? control.checked : control.value !== first(control));

  // What is chosen: name -> values, without what says nothing.
  function read() {
    const found = {};
    for (const control of controls()) if (isSet(control)) (found[control.name] ??= []).push(control.value);
    for (const name of extra) if (kept[name]) found[name] = [kept[name]];
    return found;
  }
  function put(name, value) {
    if (extra.includes(name)) kept[name] = value;
    const mine = controls().filter((control) => control.name === name);
    for (const control of mine) {
      if (control.type === "checkbox") control.checked ||= control.value === value;
      else {
        if (control.tagName === "SELECT" && !all("option", control).some((option) => option.value === value)) control.append(new Option(value, value));
        control.value = value;
      }
    }
  }
  function clear() {
    for (const control of controls()) {
      if (control.type === "checkbox") control.checked = false;
      else control.value = first(control);
    }
    for (const name of extra) delete kept[name];
  }
  function changed() {
    const found = read(), query = new URLSearchParams();
    for (const [name, values] of Object.entries(found)) for (const value of values) query.append(name, value);
    const address = `${location.pathname}${query.size ? `?${query}` : ""}${location.hash}`;
    try { history.replaceState(history.state, "", address); } catch { /* a frame without an address of its own */ }
    written = location.search;
    say(found);
    apply(found);
  }
  // One button for each choice, which takes it back.
  function say(found) {
    const names = new Set([...controls().map((control) => control.name), ...extra]);
    const buttons = [];
    for (const name of names) for (const value of name === "order" ? [] : found[name] ?? []) {
      const button = element("button", "choice", words(name, value));
      button.type = "button";
      button.setAttribute("aria-label", `Take back: ${words(name, value)}`);
      button.addEventListener("click", () => {
        delete kept[name];
        for (const control of controls().filter((control) => control.name === name)) {
          if (control.type !== "checkbox") control.value = first(control);
          else if (control.value === value) control.checked = false;
        }
        changed();
        chosen.focus({ preventScroll: true });
      });
      buttons.push(button);
    }
    chosen.replaceChildren(...buttons);
  }
  function words(name, value) {
    const control = controls().find((one) => one.name === name && (one.type !== "checkbox" || one.value === value));
    if (!control) return value;
    if (control.tagName === "SELECT") return control.selectedOptions[0]?.textContent.replace(/ \([\d,]+\)$/, "") ?? value;
    return control.type === "checkbox" ? control.parentElement.textContent.trim() : `“${value}”`;
  }
  function restore() {
    clear();
    for (const [name, value] of new URLSearchParams(location.search)) put(name, value);
  }
  // Several choices at once, and nothing else.
  function only(choices) {
    clear();
    for (const [name, value] of Object.entries(choices)) put(name, value);
    changed();
  }
  form.addEventListener("input", changed);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => { event.preventDefault(); only({}); });
  addEventListener("popstate", () => {
    if (location.search === written) return; // another row or section of the same choice
    restore();
    changed();
  });
  restore();
  return { read, only, put, changed };
}

// Cards in pages: `show(from, to)` draws one. The buttons are hidden where one page holds everything.
function pager(nav, size, show) {
  let total = 0, page = 0;
  const [before, label, after] = [one("[data-page=before]", nav), one(".which", nav), one("[data-page=after]", nav)];
  function go(wanted) {
    page = Math.max(0, Math.min(wanted, Math.ceil(total / size()) - 1));
    const from = page * size(), to = Math.min(total, from + size());
    nav.hidden = total <= size();
    before.disabled = page === 0;
    after.disabled = to >= total;
    label.textContent = `${(from + 1).toLocaleString("en")}–${to.toLocaleString("en")} of ${total.toLocaleString("en")}`;
    show(from, to);
  }
  nav.addEventListener("click", (event) => {
    const step = { before: -1, after: 1 }[event.target.dataset.page];
    if (!step) return;
    go(page + step);
    one("#section\\:gallery").scrollIntoView();
  });
  return {
    of(number) { total = number; go(0); },
    to(index) { go(Math.floor(index / size())); },
  };
}

// A narrow screen: filters fold away, pages are short.
const narrow = matchMedia("(max-width: 760px)");
function folding(fold, changed) {
  const set = () => { fold.open = !narrow.matches; };
  narrow.addEventListener("change", () => { set(); changed(); });
  set();
}
