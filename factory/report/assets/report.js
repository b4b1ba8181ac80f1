// The page is readable without this script; it adds filters, the locator, map zoom and links between map and cards.
// It writes text only through textContent and attributes through setAttribute: nothing from the build becomes markup.
(() => {
  "use strict";
  const one = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
  const SVG = "http://www.w3.org/2000/svg";
  const data = JSON.parse(one('script[type="application/json"]').textContent);
  const gallery = one(".cards");
  const nodes = all(".card", gallery);
  const items = data.cards.map((card, index) => ({ ...card, node: nodes[index], index }));
  const byId = new Map(items.map((item) => [item.id, item]));
  const byNode = new Map(items.map((item) => [item.node, item]));
  const dots = new Map(all(".dots a").map((link) => [link.dataset.id, link.lastElementChild]));
  for (const node of all(".scripted")) node.hidden = false;

  // Same polynomial as factory/geo/world_map.py.
  const SCALE = 1000 / (2 * 0.8707 * Math.PI);
  function project([lat, lon]) {
    const phi = (lat * Math.PI) / 180, lam = (lon * Math.PI) / 180, p2 = phi * phi, p4 = p2 * p2;
    const x = lam * (0.8707 - 0.131979 * p2 + p4 * (-0.013791 + p4 * (0.003971 * p2 - 0.001529 * p4)));
    const y = phi * (1.007226 + p2 * (0.015085 + p4 * (-0.044475 + 0.028874 * p2 - 0.005916 * p4)));
    return [SCALE * x, -SCALE * y];
  }

  // Points of the great circle between two places, as path data that is broken at the antimeridian.
  function greatCircle(a, b) {
    const vector = ([lat, lon]) => {
      const p = (lat * Math.PI) / 180, l = (lon * Math.PI) / 180;
      return [Math.cos(p) * Math.cos(l), Math.cos(p) * Math.sin(l), Math.sin(p)];
    };
    const u = vector(a), v = vector(b);
    const angle = Math.acos(Math.max(-1, Math.min(1, u[0] * v[0] + u[1] * v[1] + u[2] * v[2])));
    const steps = Math.max(1, Math.ceil(angle / 0.04));
    let path = "", before = null;
    for (let i = 0; i <= steps; i++) {
      const t = i / steps, s = Math.sin(angle);
      const f = s < 1e-9 ? 1 - t : Math.sin((1 - t) * angle) / s, g = s < 1e-9 ? t : Math.sin(t * angle) / s;
      const w = u.map((c, n) => f * c + g * v[n]);
      const lat = (Math.atan2(w[2], Math.hypot(w[0], w[1])) * 180) / Math.PI, lon = (Math.atan2(w[1], w[0]) * 180) / Math.PI;
      const [x, y] = project([lat, lon]);
      path += `${before === null || Math.abs(lon - before) > 180 ? "M" : "L"}${x.toFixed(2)} ${y.toFixed(2)}`;
      before = lon;
    }
    return path;
  }

  function stroke(layer, kind, path) {
    const node = document.createElementNS(SVG, "path");
    node.setAttribute("class", kind);
    node.setAttribute("d", path);
    layer.append(node);
  }

  function spot([x, y]) {
    return `M${x.toFixed(2)} ${y.toFixed(2)}h0`;
  }

  function drawLines(layer, item) {
    layer.replaceChildren();
    if (!item) return;
    item.guesses.forEach(([, lat, lon], index) => {
      if (lat === null || lon === null) return;
      if (item.truth) stroke(layer, index ? "way second" : "way", greatCircle(item.truth, [lat, lon]));
      stroke(layer, "end", spot(project([lat, lon])));
    });
    if (!item.truth) return;
    stroke(layer, `truth ${item.decision}`, spot(project(item.truth)));
    stroke(layer, "core", spot(project(item.truth)));
  }

  function distance(km, lat) {
    if (km === null) return lat === null ? "no place" : "not measured";
    return km < 0.995 ? `${Math.round(km * 1000)} m` : km < 9.95 ? `${km.toFixed(1)} km` : `${Math.round(km).toLocaleString("en")} km`;
  }

  // Locator: the little map beside the gallery, zoomed to one sample.
  const locator = one(".locator svg"), caption = one(".locator .caption"), mapLines = one(".map .lines");
  let hot = null;
  function point(item) {
    if (hot === item) return;
    if (hot) dots.get(hot.id)?.classList.remove("hot");
    hot = item;
    dots.get(item.id)?.classList.add("hot");
    drawLines(mapLines, item);
    drawLines(one(".lines", locator), item);
    const places = [...(item.truth ? [item.truth] : []), ...item.guesses.filter((g) => g[1] !== null).map((g) => [g[1], g[2]])].map(project);
    if (!places.length) return;
    const xs = places.map((p) => p[0]), ys = places.map((p) => p[1]);
    const width = Math.max(44, (Math.max(...xs) - Math.min(...xs)) * 1.35, ((Math.max(...ys) - Math.min(...ys)) * 1.5 * 4) / 3);
    const height = (width * 3) / 4, cx = (Math.max(...xs) + Math.min(...xs)) / 2, cy = (Math.max(...ys) + Math.min(...ys)) / 2;
    locator.setAttribute("viewBox", `${cx - width / 2} ${cy - height / 2} ${width} ${height}`);
    caption.replaceChildren(line(item.labelled ? "label" : "truth", item.id), ...item.guesses.map((g) => line(g[5], distance(g[3], g[1]))));
  }
  function line(name, value) {
    const span = document.createElement("span"), bold = document.createElement("b");
    bold.textContent = value;
    span.append(`${name} `, bold);
    return span;
  }
  const pointed = (event) => {
    const item = byNode.get(event.target.closest(".card"));
    if (item) point(item);
  };
  gallery.addEventListener("pointerover", pointed);
  gallery.addEventListener("focusin", pointed);

  // Filters.
  const form = one(".filters"), range = one(".range"), count = one(".status .count");
  let span = null;
  const texts = new Map();
  const text = (item) => {
    if (!texts.has(item)) texts.set(item, item.node.textContent.toLowerCase());
    return texts.get(item);
  };
  const farthest = (item) => Math.max(-1, ...item.guesses.map((g) => g[3] ?? -1));
  const apart = (item) => {
    const [a, b] = item.guesses.filter((g) => g[1] !== null).map((g) => project([g[1], g[2]]));
    return a && b ? Math.hypot(a[0] - b[0], a[1] - b[1]) : -1;
  };
  const sureWrong = (item) => Math.max(-1, ...item.guesses.filter((g) => (g[3] ?? 0) > 25).map((g) => g[4] ?? 0));
  const ORDERS = { plan: (item) => -item.index, worst: farthest, apart, sure: sureWrong };

  function inSpan(item) {
    if (!span) return true;
    return item.guesses.some((g) => g[0] === span.teacher && g[3] !== null && (g[3] >= span.low || span.first) && g[3] < span.high);
  }
  function inView(item) {
    if (!item.truth) return false;
    const [x, y] = project(item.truth);
    return x >= view[0] && x <= view[0] + view[2] && y >= view[1] && y <= view[1] + view[3];
  }
  function matches(item, wanted) {
    return (
      (!wanted.decisions.length || wanted.decisions.includes(item.decision)) &&
      (!wanted.reason || item.reasons.some((r) => r === wanted.reason || r.startsWith(`${wanted.reason}:`))) &&
      (!wanted.country || item.country === wanted.country) &&
      (!wanted.disagree || item.disagree) &&
      (!wanted.inview || inView(item)) &&
      wanted.words.every((word) => text(item).includes(word)) &&
      inSpan(item)
    );
  }
  function apply() {
    const fields = new FormData(form);
    const wanted = {
      decisions: fields.getAll("decision"), reason: fields.get("reason"), country: fields.get("country"),
      disagree: fields.has("disagree"), inview: fields.has("inview"), words: fields.get("text").toLowerCase().split(/\s+/).filter(Boolean),
    };
    let shown = 0;
    for (const item of items) {
      const visible = matches(item, wanted);
      item.node.hidden = !visible;
      dots.get(item.id)?.classList.toggle("dim", !visible);
      shown += visible;
    }
    const key = ORDERS[fields.get("order")];
    const ordered = [...items].sort((a, b) => key(b) - key(a) || a.index - b.index);
    if (ordered.some((item, i) => gallery.children[i] !== item.node)) gallery.append(...ordered.map((item) => item.node));
    count.textContent = `${shown} of ${items.length}`;
    range.textContent = span ? `${span.teacher}, ${distance(span.low)} to ${distance(span.high)}` : "";
    for (const bar of all(".bar.on")) bar.classList.remove("on");
    span?.bar.classList.add("on");
  }
  function clear() {
    span = null;
    for (const box of all('input[type="checkbox"]', form)) box.checked = false;
    form.elements.text.value = form.elements.reason.value = form.elements.country.value = "";
  }
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => { span = null; setTimeout(apply); });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-filter]");
    if (!link) return;
    const { filter, value } = link.dataset;
    clear();
    if (filter === "decision") for (const box of all('input[name="decision"]', form)) box.checked = box.value === value;
    else {
      const select = form.elements[filter];
      if (!all("option", select).some((option) => option.value === value)) select.append(new Option(value, value));
      select.value = value;
    }
    apply();
  });
  function chooseBar(bar) {
    const { teacher, low, high } = bar.dataset;
    const first = Number(low) <= 0.1000001;
    const again = span && span.bar === bar;
    clear();
    if (!again) span = { teacher, low: first ? 0 : Number(low), high: Number(high), first, bar };
    apply();
    if (!again) one(".gallery").scrollIntoView();
  }
  for (const bar of all(".bar[data-teacher]")) {
    bar.addEventListener("click", () => chooseBar(bar));
    bar.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); chooseBar(bar); } });
  }

  // A link to one sample: show it even when the filters hide it.
  function follow() {
    let id = location.hash.slice(1);
    try { id = decodeURIComponent(id); } catch { /* keep it as written */ }
    for (const node of all(".card.target")) node.classList.remove("target");
    const item = byId.get(id);
    if (!item) return;
    if (item.node.hidden) { clear(); apply(); }
    item.node.classList.add("target");
    point(item);
    item.node.scrollIntoView({ block: "center" });
  }
  addEventListener("hashchange", follow);

  // Map: zoom, drag and a quick tip.
  const map = one(".map"), frame = one(".map-frame"), tip = one(".tip");
  const whole = map.getAttribute("viewBox").split(" ").map(Number);
  let view = [...whole];
  function look([x, y, width]) {
    const w = Math.min(whole[2], Math.max(whole[2] / 40, width)), h = (w * whole[3]) / whole[2];
    view = [Math.min(Math.max(x, whole[0]), whole[0] + whole[2] - w), Math.min(Math.max(y, whole[1]), whole[1] + whole[3] - h), w, h];
    map.setAttribute("viewBox", view.join(" "));
    if (form.elements.inview.checked) apply();
  }
  function zoom(factor, fx = 0.5, fy = 0.5) {
    const w = view[2] * factor, h = view[3] * factor;
    look([view[0] + (view[2] - w) * fx, view[1] + (view[3] - h) * fy, w]);
  }
  // The buttons zoom towards the dot nearest the middle of the dots in view, so that the view never ends up empty.
  const spots = all(".dots .d").map((dot) => dot.getAttribute("d").slice(1, -2).split(" ").map(Number));
  function focus() {
    const share = ([x, y]) => [(x - view[0]) / view[2], (y - view[1]) / view[3]];
    const inside = spots.map(share).filter(([x, y]) => x > 0 && x < 1 && y > 0 && y < 1);
    if (!inside.length) return [0.5, 0.5];
    const middle = [0, 1].map((axis) => inside.map((spot) => spot[axis]).sort((a, b) => a - b)[inside.length >> 1]);
    const away = ([x, y]) => Math.hypot(x - middle[0], y - middle[1]);
    return inside.reduce((best, spot) => (away(spot) < away(best) ? spot : best));
  }
  one(".zoom").addEventListener("click", (event) => {
    const action = event.target.dataset.zoom;
    if (action === "reset") look(whole);
    else if (action) zoom(action === "in" ? 0.6 : 1 / 0.6, ...focus());
  });
  map.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const box = map.getBoundingClientRect();
    zoom(Math.exp(event.deltaY / 300), (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  }, { passive: false });
  map.addEventListener("dblclick", (event) => {
    const box = map.getBoundingClientRect();
    zoom(0.5, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  });
  let drag = null;
  map.addEventListener("pointerdown", (event) => { if (event.button === 0 && !event.target.closest("a")) { drag = [event.clientX, event.clientY, ...view]; map.classList.add("moving"); } });
  addEventListener("pointermove", (event) => {
    if (!drag) return;
    const unit = view[2] / map.getBoundingClientRect().width;
    look([drag[2] - (event.clientX - drag[0]) * unit, drag[3] - (event.clientY - drag[1]) * unit, view[2]]);
  });
  addEventListener("pointerup", () => { drag = null; map.classList.remove("moving"); });
  map.addEventListener("pointerover", (event) => {
    const dot = event.target.closest(".d");
    tip.hidden = !dot;
    if (!dot) return;
    const title = one("title", dot);
    if (title) { dot.dataset.tip = title.textContent; title.remove(); }
    const box = dot.getBoundingClientRect(), outer = frame.getBoundingClientRect();
    tip.textContent = dot.dataset.tip;
    tip.style.left = `${Math.min(Math.max(box.left + box.width / 2 - outer.left, 90), outer.width - 90)}px`;
    tip.style.top = `${Math.max(box.top + box.height / 2 - outer.top, 40)}px`;
    const item = byId.get(dot.parentElement.dataset.id);
    if (item) point(item);
  });
  map.addEventListener("pointerleave", () => { tip.hidden = true; });

  apply();
  follow();
})();
