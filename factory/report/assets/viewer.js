// The viewer of a release. What rows say comes in pages of data, which are one call of `viewerPage` with two texts.
const { columns } = JSON.parse(one("#section\\:data").textContent);
const awaited = new Map();
window.viewerPage = (name, text) => awaited.get(name)?.(text.split("\n"));

// The lines of a page; loaded once, forgotten when sixty others were.
const pagesRead = new Map();
function page(name) {
  if (!pagesRead.has(name)) {
    pagesRead.set(name, new Promise((resolve, reject) => {
      const script = document.createElement("script");
      const done = (end, value) => { awaited.delete(name); script.remove(); end(value); };
      awaited.set(name, (lines) => done(resolve, lines));
      script.src = `viewer/${name}.js`;
      script.addEventListener("error", () => { pagesRead.delete(name); done(reject, new Error(name)); });
      document.head.append(script);
    }));
    if (pagesRead.size > 60) pagesRead.delete(pagesRead.keys().next().value);
  }
  return pagesRead.get(name);
}
const numbered = (kind, number) => page(`${kind}-${String(number).padStart(5, "0")}`);
function broken(problem) {
  const place = one(".broken");
  place.hidden = false;
  place.textContent = `A page of data is missing or damaged: viewer/${problem.message}.js. This page and the folder viewer/ belong together.`;
}

const FLAGS = { failed: [1, "an answer failed"], people: [2, "people decided"], saw: [4, "its writer saw the truth"], withheld: [8, "picture not passed on"], label: [16, "place is a label"] };
const TIERS = [[1, "within 1 km"], [25, "1 to 25 km"], [200, "25 to 200 km"], [750, "200 to 750 km"], [2500, "750 to 2,500 km"], [Infinity, "farther"]];
const UNKNOWN = "none";

async function start() {
  const table = {}, first = {};
  const read = await Promise.all(Array.from({ length: columns }, (_, number) => numbered("columns", number)));
  for (const line of read.flat()) {
    const { name, values, of, codes, ...rest } = JSON.parse(line);
    if (name === "pages") Object.assign(first, rest);
    else table[name] = of ? { of, codes: Uint32Array.from(codes) } : values;
  }
  view(table, first);
}

function view(table, first) {
  const total = table.id.length;
  const byId = new Map(table.id.map((id, row) => [id, row]));
  const coded = (name) => (row) => table[name].of[table[name].codes[row]];
  const [split, country, place, licence, author] = ["split", "country", "place", "licence", "author"].map(coded);
  const truth = (row) => (table.lat[row] === null || table.lon[row] === null ? null : [table.lat[row] / 1e5, table.lon[row] / 1e5]);
  const xs = new Float32Array(total), ys = new Float32Array(total).fill(NaN);
  for (let row = 0; row < total; row++) if (truth(row)) [xs[row], ys[row]] = project(truth(row));
  const tier = table.km.map((km) => (km === null ? TIERS.length : TIERS.findIndex(([most]) => km <= most)));
  const words = (row) => [place(row), country(row)].filter(Boolean).join(", ") || "place unknown";

  // Facets: what a row is called in each, as the numbers of its options.
  const form = one(".filters");
  const values = (name) => { const { of, codes } = table[name]; return { names: of.map((value) => [value ?? UNKNOWN, value ?? "not stated"]), codes: (row) => [codes[row]] }; };
  const checkNames = [...new Set(table.checks.of.flat())].sort();
  const checkCodes = table.checks.of.map((list) => list.map((check) => checkNames.indexOf(check)));
  const flagged = Object.entries(FLAGS);
  const FACETS = {
    split: values("split"), country: values("country"), licence: values("licence"), scene: values("scene"),
    km: { names: [...TIERS.map(([most, name]) => [String(most), name]), [UNKNOWN, "not measured"]], codes: (row) => [tier[row]] },
    check: { names: checkNames.map((check) => [check, check.replace(":", ": ")]), codes: (row) => checkCodes[table.checks.codes[row]] },
    about: { names: flagged.map(([name, [, said]]) => [name, said]), codes: (row) => flagged.flatMap(([, [bit]], n) => (table.flags[row] & bit ? [n] : [])) },
  };
  for (const [name, facet] of Object.entries(FACETS)) {
    facet.code = new Map(facet.names.map(([value], code) => [value, code]));
    facet.counts = new Uint32Array(facet.names.length);
    const select = form.elements[name];
    if (select?.tagName !== "SELECT") continue;
    const order = name === "km" || name === "about" || name === "check" ? facet.names : [...facet.names].sort((a, b) => a[1].localeCompare(b[1]));
    facet.options = order.map(([value, said]) => [new Option(said, value), facet.code.get(value), said]);
    select.append(...facet.options.map(([option]) => option));
    const told = new Set();
    for (let row = 0; row < total && told.size < 2; row++) facet.codes(row).forEach((code) => told.add(code));
    select.parentElement.hidden = told.size < (name === "check" || name === "about" ? 1 : 2);
  }
  for (const node of all(".scripted:not(.pages)")) node.hidden = false;

  // The map: dots on a canvas over the outlines.
  const frame = one(".map-frame"), canvas = one(".points"), brush = canvas.getContext("2d");
  const visible = new Uint8Array(total);
  let shown = [], due = false;
  const map = atlas(frame, { spots: () => shown.filter((row) => !Number.isNaN(ys[row])).slice(0, 5000).map((row) => [xs[row], ys[row]]), moved: () => { paint(); if (form.elements.inview.checked) filters.changed(); } });
  function paint() {
    if (due) return;
    due = true;
    requestAnimationFrame(() => { due = false; draw(); });
  }
  function draw() {
    const ratio = devicePixelRatio || 1, [scale, left, top] = map.placed(), box = map.map.getBoundingClientRect();
    canvas.width = box.width * ratio;
    canvas.height = box.height * ratio;
    brush.scale(ratio, ratio);
    const style = getComputedStyle(document.documentElement), zoom = scale / (box.width / 1000);
    const colours = table.split.of.map((name) => style.getPropertyValue(`--${name}`) || style.getPropertyValue("--neutral"));
    const size = Math.min(9, (total > 20000 ? 2 : total > 2000 ? 3 : total > 300 ? 5 : 7) * Math.sqrt(zoom));
    const mark = (row) => {
      const x = left + scale * xs[row], y = top + scale * ys[row];
      if (!(x > -9 && y > -9 && x < box.width + 9 && y < box.height + 9)) return;
      if (size < 4) brush.fillRect(x - size / 2, y - size / 2, size, size);
      else { brush.beginPath(); brush.arc(x, y, size / 2, 0, 7); brush.fill(); if (total <= 2000) brush.stroke(); }
    };
    brush.strokeStyle = style.getPropertyValue("--sea");
    brush.globalAlpha = total > 20000 ? 0.03 : 0.12;
    brush.fillStyle = style.getPropertyValue("--neutral");
    if (shown.length < total) for (let row = 0; row < total; row++) if (!visible[row]) mark(row);
    brush.globalAlpha = total > 2000 ? 0.6 : 0.9;
    for (let row = 0, last = -1; row < total; row++) {
      if (!visible[row]) continue;
      const code = table.split.codes[row];
      if (code !== last) brush.fillStyle = colours[(last = code)];
      mark(row);
    }
  }
  function nearest(event) {
    const [scale, left, top] = map.placed(), outer = frame.getBoundingClientRect();
    const x = (event.clientX - outer.left - left) / scale, y = (event.clientY - outer.top - top) / scale, reach = (8 / scale) ** 2;
    let found = null, least = reach, near = 0;
    for (let row = 0; row < total; row++) {
      if (!visible[row]) continue;
      const away = (xs[row] - x) ** 2 + (ys[row] - y) ** 2;
      if (away <= reach) near++;
      if (away < least) [found, least] = [row, away];
    }
    return [found, near, left + scale * xs[found], top + scale * ys[found]];
  }
  map.map.addEventListener("pointermove", (event) => {
    const [row, near, x, y] = map.dragging() ? [null] : nearest(event);
    map.map.classList.toggle("over", row !== null);
    map.say(row === null ? "" : `${words(row)} · ${table.id[row]}${near > 1 ? ` and ${(near - 1).toLocaleString("en")} more here` : ""}`, x, y);
  });
  let pressed = null;
  map.map.addEventListener("pointerdown", (event) => { pressed = [event.clientX, event.clientY]; });
  map.map.addEventListener("click", (event) => {
    if (!pressed || Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) > 4) return;
    const [row] = nearest(event);
    if (row !== null) location.hash = encodeURIComponent(table.id[row]);
  });
  addEventListener("resize", paint);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);

  // Filters: one pass over all rows, in which each facet counts the rows that all others let pass.
  let texts = null;
  const text = (row) => {
    texts ??= table.id.map((id, each) => [id, words(each), author(each) ?? ""].join("\n").toLowerCase());
    return texts[row];
  };
  function apply(wanted) {
    const typed = (wanted.text?.[0] ?? "").toLowerCase().split(/\s+/).filter(Boolean);
    const asked = Object.entries(FACETS).map(([name, facet]) => {
      facet.counts.fill(0);
      return [facet, wanted[name] ? new Set(wanted[name].map((value) => facet.code.get(value) ?? -1)) : null];
    });
    shown = [];
    for (let row = 0; row < total; row++) {
      let against = null, more = false;
      if (typed.length && !typed.every((word) => text(row).includes(word))) more = true;
      else if (wanted.inview && !map.inView([xs[row], ys[row]])) more = true;
      for (const [facet, codes] of more ? [] : asked) {
        if (!codes || facet.codes(row).some((code) => codes.has(code))) continue;
        if (against) { more = true; break; }
        against = facet;
      }
      visible[row] = !more && !against ? 1 : 0;
      if (visible[row]) shown.push(row);
      if (more) continue;
      for (const [facet] of asked) if (!against || against === facet) for (const code of facet.codes(row)) facet.counts[code]++;
    }
    const away = (row, none) => table.km[row] ?? none;
    if (wanted.order?.[0] === "far") shown.sort((a, b) => away(b, -1) - away(a, -1) || a - b);
    if (wanted.order?.[0] === "near") shown.sort((a, b) => away(a, Infinity) - away(b, Infinity) || a - b);
    tell();
  }
  function tell() {
    for (const facet of Object.values(FACETS)) for (const [option, code, said] of facet.options ?? []) {
      option.textContent = `${said} (${facet.counts[code].toLocaleString("en")})`;
      option.disabled = !facet.counts[code] && !option.selected;
    }
    const count = shown.length.toLocaleString("en");
    for (const node of all(".count")) node.textContent = shown.length === total ? count : `${count} of ${total.toLocaleString("en")}`;
    const placed = shown.reduce((sum, row) => sum + !Number.isNaN(ys[row]), 0);
    one(".mapped").textContent = placed === shown.length ? "" : `${(shown.length - placed).toLocaleString("en")} of these have no place.`;
    one(".no-match").hidden = shown.length > 0;
    paint();
    cards.of(shown.length);
  }

  // The gallery.
  const gallery = one(".cards");
  const at = (kind, row) => { const starts = first[kind]; let n = starts.length - 1; while (n > 0 && starts[n] > row) n--; return [n, row - starts[n]]; };
  async function line(kind, row) {
    const [number, inside] = at(kind, row);
    return (await numbered(kind, number))[inside];
  }
  function pictures(row, holder, most) {
    const none = (said) => holder.replaceChildren(element("div", "no-photo", said));
    if (table.flags[row] & 8) return none("picture not passed on");
    if (!first.pictures.length) return none("no picture");
    none("");
    line("pictures", row).then((found) => {
      const images = found.split(" ").filter((coded) => coded && coded !== "-").slice(0, most).map((coded, number) => {
        const image = element("img");
        image.alt = `${number ? `Picture ${number + 1}` : "Picture"} of row ${table.id[row]}, ${words(row)}`;
        image.src = `data:image/jpeg;base64,${coded}`;
        return image;
      });
      if (images.length) holder.replaceChildren(...images);
      else none("no picture here");
    }, broken);
  }
  const dot = (km) => element("i", `dot ${km === null ? "quarantine" : km <= 25 ? "accept" : km <= 750 ? "review" : "reject"}`);
  function card(row) {
    const photo = element("div", "photo"), id = table.id[row];
    pictures(row, photo, 1);
    const link = element("a", "id", id);
    link.href = `#${encodeURIComponent(id)}`;
    const failed = table.checks.of[table.checks.codes[row]].filter((check) => !check.endsWith(":pass"));
    const credit = [author(row), licence(row)].filter(Boolean).map((said) => element("bdi", "", said));
    return element("article", `card ${split(row)}`,
      element("div", "pictures", photo, element("span", `badge ${split(row)}`, split(row) ?? "")),
      element("div", "body",
        element("div", "truth", link, element("span", "place", element("bdi", "", words(row)))),
        table.km[row] === null ? null : element("p", "where", dot(table.km[row]), `nearest answer ${distance(table.km[row])}`),
        failed.length ? element("p", "where", failed.map((check) => check.replace(":", ": ")).join(" · ")) : null,
        credit.length ? element("p", "credit", ...credit.flatMap((said, n) => (n ? [" · ", said] : [said]))) : null));
  }
  const cards = pager(one(".pages"), () => (narrow.matches ? 12 : 48), (from, to) => gallery.replaceChildren(...shown.slice(from, to).map(card)));
  const lines = one(".map .lines");
  const pointed = (event) => {
    const link = event.target.closest(".card")?.querySelector(".id");
    const row = link && byId.get(link.textContent);
    if (row !== undefined && row !== null) drawLines(lines, truth(row), [], split(row));
  };
  gallery.addEventListener("pointerover", pointed);
  gallery.addEventListener("focusin", pointed);

  // One row, with all that is known of it.
  const dialog = one("dialog"), body = one(".row-body"), heading = one(".row-head h2"), little = one(".row-map");
  let open = null;
  function close() {
    if (dialog.open) dialog.close();
  }
  dialog.addEventListener("close", () => {
    const before = open;
    open = null;
    try { history.replaceState(history.state, "", location.pathname + location.search); } catch { location.hash = ""; }
    const card = all(".card .id", gallery).find((link) => link.textContent === table.id[before]);
    card?.focus();
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) close();
    const turn = event.target.dataset.turn;
    if (turn === "close") close();
    else if (turn) step(turn === "after" ? 1 : -1);
  });
  dialog.addEventListener("keydown", (event) => {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (way && !event.altKey && !event.ctrlKey && !event.metaKey && !event.target.closest("pre")) step(way);
  });
  function step(way) {
    const next = shown[shown.indexOf(open) + way];
    if (next !== undefined) location.replace(`#${encodeURIComponent(table.id[next])}`);
  }
  async function show(row) {
    open = row;
    heading.textContent = words(row);
    body.replaceChildren();
    const where = shown.indexOf(row);
    one("[data-turn=before]").disabled = where <= 0;
    one("[data-turn=after]").disabled = where < 0 || where === shown.length - 1;
    if (!dialog.open) dialog.showModal();
    drawLines(lines, truth(row), [], split(row));
    try {
      const values = JSON.parse(await line("rows", row));
      if (open !== row) return;
      const photo = element("div", "photos");
      pictures(row, photo, 5);
      const guesses = (values.answers ?? []).filter((one) => !one.combined && one.lat !== null).map((one) => [one.lat, one.lon]);
      locate(one("svg", little), truth(row), guesses, split(row));
      little.hidden = !truth(row);
      body.replaceChildren(element("div", "seen", photo, little), ...story(values));
      dialog.scrollTop = 0;
    } catch (problem) { broken(problem); close(); }
  }
  function follow() {
    let id = location.hash.slice(1);
    try { id = decodeURIComponent(id); } catch { /* keep it as written */ }
    const found = byId.has(id), place = one(".broken");
    if (found) show(byId.get(id));
    else close();
    place.hidden = found || !id || id.startsWith("section:");
    place.textContent = `No row of this release is called ${id}.`;
  }
  addEventListener("hashchange", follow);

  const filters = facets(form, { apply, chosen: one(".chosen") });
  one(".no-match button").addEventListener("click", () => filters.only({}));
  folding(one(".fold"), () => filters.changed());
  filters.changed();
  follow();
  document.documentElement.dataset.ready = "yes";
}
start().catch(broken);
