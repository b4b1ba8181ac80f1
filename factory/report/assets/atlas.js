// The map, in the report and in a release's viewer: projection, great circles, zoom, drag, keys, and a tip.
// Text is written through textContent and attributes through setAttribute alone: nothing of a build becomes markup.
const one = (selector, root = document) => root.querySelector(selector);
const all = (selector, root = document) => Array.from(root.querySelectorAll(selector));
const SVG = "http://www.w3.org/2000/svg";

function element(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

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

// The truth of a sample and a line to each guess: `kind` is the truth's colour, guesses are [lat, lon] or [null, null].
function drawLines(layer, truth, guesses, kind) {
  layer.replaceChildren();
  guesses.forEach(([lat, lon], index) => {
    if (lat === null || lon === null) return;
    if (truth) stroke(layer, index ? "way second" : "way", greatCircle(truth, [lat, lon]));
    stroke(layer, "end", spot(project([lat, lon])));
  });
  if (!truth) return;
  stroke(layer, `truth ${kind}`, spot(project(truth)));
  stroke(layer, "core", spot(project(truth)));
}

// A little map, zoomed to one sample.
function locate(svg, truth, guesses, kind) {
  drawLines(one(".lines", svg), truth, guesses, kind);
  const places = [...(truth ? [truth] : []), ...guesses.filter(([lat, lon]) => lat !== null && lon !== null)].map(project);
  if (!places.length) return;
  const xs = places.map((p) => p[0]), ys = places.map((p) => p[1]);
  const width = Math.max(44, (Math.max(...xs) - Math.min(...xs)) * 1.35, ((Math.max(...ys) - Math.min(...ys)) * 1.5 * 4) / 3);
  const height = (width * 3) / 4, cx = (Math.max(...xs) + Math.min(...xs)) / 2, cy = (Math.max(...ys) + Math.min(...ys)) / 2;
  svg.setAttribute("viewBox", `${cx - width / 2} ${cy - height / 2} ${width} ${height}`);
}

function distance(km, lat) {
  if (km === null) return lat === null ? "no place" : "not measured";
  return km < 0.995 ? `${Math.round(km * 1000)} m` : km < 9.95 ? `${km.toFixed(1)} km` : `${Math.round(km).toLocaleString("en")} km`;
}

// The large map. `spots()` are the [x, y] of what is drawn, in map units: the buttons zoom towards their middle, so that
// the view never ends up empty. `moved()` is called after every change of the view.
function atlas(frame, { spots, moved }) {
  const map = one(".map", frame), tip = one(".tip", frame);
  const whole = map.getAttribute("viewBox").split(" ").map(Number);
  let view = [...whole];

  function look([x, y, width]) {
    const w = Math.min(whole[2], Math.max(whole[2] / 400, width)), h = (w * whole[3]) / whole[2];
    view = [Math.min(Math.max(x, whole[0]), whole[0] + whole[2] - w), Math.min(Math.max(y, whole[1]), whole[1] + whole[3] - h), w, h];
    map.setAttribute("viewBox", view.join(" "));
    moved();
  }
  function zoom(factor, fx = 0.5, fy = 0.5) {
    const w = view[2] * factor, h = view[3] * factor;
    look([view[0] + (view[2] - w) * fx, view[1] + (view[3] - h) * fy, w]);
  }
  // Where the drawing stands on the screen: [pixels a unit, left, top], inside the frame.
  function placed() {
    const box = map.getBoundingClientRect(), outer = frame.getBoundingClientRect();
    const scale = Math.min(box.width / view[2], box.height / view[3]);
    const left = box.left - outer.left + (box.width - scale * view[2]) / 2, top = box.top - outer.top + (box.height - scale * view[3]) / 2;
    return [scale, left - scale * view[0], top - scale * view[1]];
  }
  function share(event) {
    const [scale, left, top] = placed(), outer = frame.getBoundingClientRect();
    return [(event.clientX - outer.left - left) / scale, (event.clientY - outer.top - top) / scale].map((v, n) => (v - view[n]) / view[n + 2]);
  }
  const inView = ([x, y]) => x >= view[0] && x <= view[0] + view[2] && y >= view[1] && y <= view[1] + view[3];

  function focus() {
    const inside = spots().filter(inView).map(([x, y]) => [(x - view[0]) / view[2], (y - view[1]) / view[3]]);
    if (!inside.length) return [0.5, 0.5];
    const middle = [0, 1].map((axis) => inside.map((at) => at[axis]).sort((a, b) => a - b)[inside.length >> 1]);
    const away = ([x, y]) => Math.hypot(x - middle[0], y - middle[1]);
    return inside.reduce((best, at) => (away(at) < away(best) ? at : best));
  }
  const act = { in: () => zoom(0.6, ...focus()), out: () => zoom(1 / 0.6, ...focus()), reset: () => look(whole) };
  one(".zoom", frame).addEventListener("click", (event) => act[event.target.dataset.zoom]?.());
  const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  map.setAttribute("tabindex", "0");
  map.addEventListener("keydown", (event) => {
    if (event.target !== map || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = STEPS[event.key], wish = { "+": "in", "=": "in", "-": "out", 0: "reset" }[event.key];
    if (!step && !wish) return;
    event.preventDefault();
    if (wish) act[wish]();
    else look([view[0] + (step[0] * view[2]) / 6, view[1] + (step[1] * view[3]) / 6, view[2]]);
  });
  map.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoom(Math.exp(event.deltaY / 300), ...share(event));
  }, { passive: false });
  map.addEventListener("dblclick", (event) => zoom(0.5, ...share(event)));
  let drag = null;
  map.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.target.closest("a")) return;
    drag = [event.clientX, event.clientY, ...view];
    map.classList.add("moving");
  });
  addEventListener("pointermove", (event) => {
    if (!drag) return;
    const [scale] = placed();
    look([drag[2] - (event.clientX - drag[0]) / scale, drag[3] - (event.clientY - drag[1]) / scale, view[2]]);
  });
  for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => { drag = null; map.classList.remove("moving"); });

  // A word beside a place of the frame, in its pixels; none takes it away.
  function say(text, x = 0, y = 0) {
    tip.hidden = !text;
    tip.textContent = text;
    tip.style.left = `${Math.min(Math.max(x, 90), frame.clientWidth - 90)}px`;
    tip.style.top = `${Math.max(y, 40)}px`;
  }
  map.addEventListener("pointerleave", () => say(""));
  return { map, look, placed, inView, say, whole, dragging: () => drag !== null };
}
