// Everything that a released row says, whatever its family: what is known first, the rest as it stands.
const known = (value) => value !== null && value !== undefined && value !== "" && !(Array.isArray(value) && !value.length);
const bdi = (value) => element("bdi", "", String(value));
const mark = (value) => element("span", "mark", value);
const figure = (value) => (typeof value !== "number" ? "–" : Math.abs(value) >= 100 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3))));

const degrees = (value) => String(Number(value.toFixed(5)));

function section(title, ...children) {
  return element("section", "story", element("h3", "", title), ...children);
}
function list(entries) {
  const made = element("dl", "facts");
  for (const [name, value] of entries) if (known(value)) made.append(element("div", "", element("dt", "", name), element("dd", "", value)));
  return made.children.length ? made : null;
}
// A link that leads to the web and to nothing else; other text stays text.
function address(value) {
  let url = null;
  try { url = new URL(value); } catch { return bdi(value); }
  if (url.protocol !== "https:" && url.protocol !== "http:") return bdi(value);
  const link = element("a", "", bdi(value));
  link.href = url.href;
  link.rel = "noopener noreferrer nofollow";
  link.target = "_blank";
  return link;
}
function plain(value) {
  if (!known(value)) return null;
  return typeof value === "object" ? element("pre", "values", bdi(JSON.stringify(value, null, 2))) : bdi(value);
}
function folded(title, ...children) {
  return element("details", "", element("summary", "", element("span", "chip more", title)), ...children);
}

function answer(one) {
  const where = [one.city, one.region, one.country].filter(known).join(", ");
  const head = element("div", "guess-head",
    element("span", "teacher", one.teacher, known(one.model) && one.model !== one.teacher ? ` (${one.model})` : "", one.draw ? ` draw ${one.draw + 1}` : "", one.combined ? mark("combined") : null,
      one.saw_truth && one.saw_truth !== "none" ? element("span", "mark saw", `saw the ${one.saw_truth}`) : null),
    one.failure ? element("span", "distance", "no answer") : known(one.distance_km) ? element("span", "distance", distance(one.distance_km)) : null);
  const made = element("div", `guess${one.combined ? " combined" : ""}`, head);
  if (one.failure) made.append(element("p", "place failure", element("code", "", one.failure)));
  if (where) made.append(element("p", "place", bdi(where)));
  const said = list([["coordinates", known(one.lat) && known(one.lon) ? `${one.lat.toFixed(4)}, ${one.lon.toFixed(4)}` : null], ["confidence", known(one.confidence) ? one.confidence.toFixed(2) : null]]);
  if (said) made.append(said);
  if (known(one.reasoning)) made.append(element("p", "reasoning", bdi(one.reasoning)));
  if (known(one.more)) {
    let more = one.more;
    try { more = JSON.parse(one.more); } catch { /* as it stands */ }
    made.append(folded("all else it said", plain(more)));
  }
  if (known(one.requests)) made.append(folded("calls", plain(one.requests)));
  return made;
}
function table(heads, rows) {
  const line = (tag, cells) => element("tr", "", ...cells.map((cell) => element(tag, "", cell)));
  return element("div", "table-frame", element("table", "", element("thead", "", line("th", heads)), element("tbody", "", ...rows.map((row) => line("td", row)))));
}
function turns(messages) {
  return messages.map((turn) => element("div", `turn ${turn.role === "assistant" ? "says" : ""}`, element("b", "", turn.role),
    ...turn.content.map((part) => (part.type === "image" ? element("p", "supports", "[picture]") : element("p", "", bdi(part.text))))));
}

function story(row) {
  const told = new Set(["id", "messages", "answers", "checks", "people", "licence", "author", "source_url", "captured_at", "lat", "lon", "uncertainty_km", "country", "country_code", "region", "city", "scene", "placed_by", "label_probability", "split", "saw_truth"]);
  const answers = Array.isArray(row.answers) && row.answers.every((one) => one && typeof one === "object" && "teacher" in one) ? row.answers : [];
  if (!answers.length) told.delete("answers");
  const place = [row.city, row.region, row.country, row.country_code ? `(${row.country_code})` : ""].filter(known).join(", ").replace(", (", " (");
  const parts = [list([
    ["id", element("code", "", row.id)], ["split", row.split], ["truth", known(place) ? bdi(place) : null],
    ["coordinates", known(row.lat) && known(row.lon) ? `${degrees(row.lat)}, ${degrees(row.lon)}${row.uncertainty_km ? ` ± ${distance(row.uncertainty_km)}` : ""}` : null],
    ["placed by", row.placed_by === "teachers" ? `teachers: a label, right with probability ${figure(row.label_probability)}` : row.placed_by],
    ["scene", row.scene], ["taken", known(row.captured_at) ? bdi(row.captured_at) : null], ["licence", known(row.licence) ? address(row.licence) : null], ["author", known(row.author) ? bdi(row.author) : null],
    ["source", known(row.source_url) ? address(row.source_url) : null], ["writer saw of the truth", row.saw_truth],
  ])];
  if (answers.length) parts.push(section("What teachers answered", ...answers.map(answer)));
  if (known(row.checks)) {
    parts.push(section("Checks", table(["check", "outcome", "score", "threshold", "reason"],
      row.checks.map((one) => [one.check, element("span", `check ${one.outcome}`, one.outcome), figure(one.score), figure(one.threshold), one.reason]))));
  }
  const people = row.people && typeof row.people === "object" ? Object.entries(row.people).filter(([, value]) => known(value)) : [];
  if (people.length) parts.push(section("What people decided", list(people.map(([name, value]) => [name, bdi(value)]))));
  if (Array.isArray(row.messages)) parts.push(section("Conversation", ...turns(row.messages)));
  const rest = Object.entries(row).filter(([name, value]) => !told.has(name) && known(value));
  if (rest.length) parts.push(section("All other columns", list(rest.map(([name, value]) => [name, plain(value)]))));
  return parts.filter(Boolean);
}
