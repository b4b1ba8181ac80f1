// The report is readable without this script; it adds filters, the locator, map zoom and links between map and cards.
const data = JSON.parse(one('script[type="application/json"]').textContent);
const gallery = one(".cards");
const nodes = all(".card", gallery);
const items = data.cards.map((card, index) => ({ ...card, node: nodes[index], index }));
const byId = new Map(items.map((item) => [item.id, item]));
const byNode = new Map(items.map((item) => [item.node, item]));
const dots = new Map(all(".dots a").map((link) => [link.dataset.id, link.lastElementChild]));
for (const node of all(".scripted")) node.hidden = false;

// Guesses are [teacher, lat, lon, distance in km, confidence, what to call it].
const at = (item) => item.guesses.map((guess) => [guess[1], guess[2]]);

// Locator: the little map beside the gallery.
const locator = one(".locator svg"), caption = one(".locator .caption"), mapLines = one(".map .lines");
let hot = null;
function point(item) {
  if (hot === item) return;
  if (hot) dots.get(hot.id)?.classList.remove("hot");
  hot = item;
  dots.get(item.id)?.classList.add("hot");
  drawLines(mapLines, item.truth, at(item), item.decision);
  locate(locator, item.truth, at(item), item.decision);
  const line = (name, value) => element("span", "", `${name} `, element("b", "", value));
  caption.replaceChildren(line(item.labelled ? "label" : "truth", item.id), ...item.guesses.map((g) => line(g[5], distance(g[3], g[1]))));
}
const pointed = (event) => {
  const item = byNode.get(event.target.closest(".card"));
  if (item) point(item);
};
gallery.addEventListener("pointerover", pointed);
gallery.addEventListener("focusin", pointed);

// Map.
const frame = one(".map-frame");
const spots = all(".dots .d").map((dot) => dot.getAttribute("d").slice(1, -2).split(" ").map(Number));
const map = atlas(frame, { spots: () => spots, moved: () => { if (form.elements.inview.checked) filters.changed(); } });
map.map.addEventListener("pointerover", (event) => {
  const dot = event.target.closest(".d");
  if (!dot) return map.say("");
  const title = one("title", dot);
  if (title) { dot.dataset.tip = title.textContent; title.remove(); }
  const box = dot.getBoundingClientRect(), outer = frame.getBoundingClientRect();
  map.say(dot.dataset.tip, box.left + box.width / 2 - outer.left, box.top + box.height / 2 - outer.top);
  const item = byId.get(dot.parentElement.dataset.id);
  if (item) point(item);
});

// Filters.
const form = one(".filters"), counts = all(".count"), empty = one(".no-match");
const texts = new Map();
const text = (item) => {
  if (!texts.has(item)) texts.set(item, item.node.textContent.toLowerCase());
  return texts.get(item);
};
const farthest = (item) => Math.max(-1, ...item.guesses.map((g) => g[3] ?? -1));
const apart = (item) => {
  const [a, b] = at(item).filter((guess) => guess[0] !== null).map(project);
  return a && b ? Math.hypot(a[0] - b[0], a[1] - b[1]) : -1;
};
const sureWrong = (item) => Math.max(-1, ...item.guesses.filter((g) => (g[3] ?? 0) > 25).map((g) => g[4] ?? 0));
const ORDERS = { plan: (item) => -item.index, worst: farthest, apart, sure: sureWrong };

// A bar of a histogram: teacher's distances, or a check's scores, from `low` up to `high`.
function inBar(item, bar) {
  const inside = (value) => value !== null && (value >= bar.low || bar.first) && (value < bar.high || bar.last);
  if (bar.teacher) return item.guesses.some((g) => g[0] === bar.teacher && inside(g[3]));
  return item.scores.some(([check, score]) => check === bar.check && inside(score));
}
const barOf = (node) => ({
  name: node.dataset.bar, teacher: node.dataset.teacher, check: node.dataset.check, low: Number(node.dataset.low),
  high: Number(node.dataset.high), first: "first" in node.dataset, last: "last" in node.dataset, node,
});
const bars = new Map(all(".bar[data-bar]").map((node) => [node.dataset.bar, barOf(node)]));

function matches(item, wanted, words) {
  const any = (name, value) => !wanted[name] || wanted[name].includes(value);
  const bar = wanted.bar && bars.get(wanted.bar[0]);
  return (
    any("decision", item.decision) && any("split", item.split) && any("country", item.country) &&
    (!wanted.reason || item.reasons.some((r) => r === wanted.reason[0] || r.startsWith(`${wanted.reason[0]}:`))) &&
    (!wanted.disagree || item.disagree) &&
    (!wanted.inview || (item.truth !== null && map.inView(project(item.truth)))) &&
    (!wanted.bar || (bar !== undefined && inBar(item, bar))) &&
    words.every((word) => text(item).includes(word))
  );
}
let shown = [];
const cards = pager(one(".pages"), () => (narrow.matches ? 12 : 60), (from, to) => {
  const page = new Set(shown.slice(from, to));
  for (const item of items) item.node.hidden = !page.has(item);
});
function apply(wanted) {
  const words = (wanted.text?.[0] ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const key = ORDERS[wanted.order?.[0]] ?? ORDERS.plan;
  const ordered = [...items].sort((a, b) => key(b) - key(a) || a.index - b.index);
  shown = ordered.filter((item) => matches(item, wanted, words));
  const found = new Set(shown);
  for (const item of items) dots.get(item.id)?.classList.toggle("dim", !found.has(item));
  if (ordered.some((item, i) => gallery.children[i] !== item.node)) gallery.append(...ordered.map((item) => item.node));
  for (const count of counts) count.textContent = `${shown.length} of ${items.length}`;
  empty.hidden = shown.length > 0 || items.length === 0;
  for (const bar of bars.values()) bar.node.classList.toggle("on", bar.name === wanted.bar?.[0]);
  cards.of(shown.length);
}
const filters = facets(form, { apply, chosen: one(".chosen"), extra: ["bar"] });
one(".no-match button").addEventListener("click", () => filters.only({}));
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-filter]");
  if (link) filters.only({ [link.dataset.filter]: link.dataset.value });
});
function choose(bar) {
  const again = filters.read().bar?.[0] === bar.name;
  filters.only(again ? {} : { bar: bar.name });
  if (!again) one(".gallery").scrollIntoView();
}
for (const bar of bars.values()) {
  bar.node.addEventListener("click", () => choose(bar));
  bar.node.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); choose(bar); } });
}
folding(one(".fold"), () => filters.changed());

// A link to one sample: show it even when the filters hide it.
function follow() {
  let id = location.hash.slice(1);
  try { id = decodeURIComponent(id); } catch { /* keep it as written */ }
  for (const node of all(".card.target")) node.classList.remove("target");
  const item = byId.get(id);
  if (!item) return;
  if (!shown.includes(item)) filters.only({});
  if (item.node.hidden) cards.to(shown.indexOf(item));
  item.node.classList.add("target");
  point(item);
  item.node.scrollIntoView({ block: "center" });
}
addEventListener("hashchange", follow);

filters.changed();
follow();
