"use strict";
// Draws what the page holds as JSON: no network, no library.
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const first = data.inputs.find((one) => one.name === "test5m") || data.inputs[0];
const state = { input: first && first.name, way: "kb_per_s_decompress", find: "" };

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function drawn(tag, attributes = {}, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.textContent = text;
  return made;
}

const whole = (value) => Math.round(value).toLocaleString("en");
const figure = (digits) => (value) => Number(value).toPrecision(digits).replace(/\.?0+e/, "e");
const WRITE = {
  whole, bits: (value) => value.toFixed(3), speed: (value) => Number(figure(3)(value)).toLocaleString("en"),
  megabytes: (value) => whole(value / 1e6), percent: (value) => `${value > 0 ? "+" : ""}${value.toFixed(2)} %`,
  text: String,
};

// A table whose headings sort. Columns: [key, heading, how it is written].
function table(where, columns, rows, show) {
  const [head, body] = [where.tHead, where.tBodies[0]];
  let order = null;
  const fill = () => {
    const sorted = [...rows()];
    if (order) {
      const sign = order.up ? 1 : -1;
      const missing = (value) => value === null || value === undefined;
      sorted.sort(({ [order.key]: a }, { [order.key]: b }) => {
        if (missing(a) || missing(b)) return missing(a) - missing(b);
        return sign * (typeof a === "string" ? a.localeCompare(b) : a - b);
      });
    }
    body.replaceChildren(...sorted.map((row) => {
      const cells = columns.map(([key, , how]) => {
        const value = row[key];
        const cell = element("td", how === "text" ? {} : { class: "number" });
        if (show && show[key]) cell.append(show[key](row));
        else cell.textContent = value === null || value === undefined ? "-" : WRITE[how](value);
        return cell;
      });
      return element("tr", row.ours ? { class: "ours" } : {}, ...cells);
    }));
  };
  head.replaceChildren(element("tr", {}, ...columns.map(([key, heading, how]) => {
    const button = element("button", { type: "button" }, heading);
    const cell = element("th", { scope: "col", ...(how === "text" ? {} : { class: "number" }) }, button);
    button.addEventListener("click", () => {
      order = { key, up: order && order.key === key ? !order.up : true };
      for (const other of head.querySelectorAll("th")) other.removeAttribute("aria-sort");
      cell.setAttribute("aria-sort", order.up ? "ascending" : "descending");
      fill();
    });
    return cell;
  })));
  fill();
  return fill;
}

// Tips: what a point says, under the pointer or at the focus.
const tip = byId("tip");
function tells(target, text) {
  const show = () => {
    tip.textContent = text;
    tip.hidden = false;
    const box = target.getBoundingClientRect();
    const left = Math.min(box.right + 8, document.documentElement.clientWidth - tip.offsetWidth - 8);
    tip.style.left = `${Math.max(left, 8) + window.scrollX}px`;
    tip.style.top = `${box.bottom + 6 + window.scrollY}px`;
  };
  const hide = () => { tip.hidden = true; };
  target.setAttribute("aria-label", text);
  target.addEventListener("pointerenter", show);
  target.addEventListener("pointerleave", hide);
  target.addEventListener("focus", show);
  target.addEventListener("blur", hide);
}

const here = () => data.rows.filter((row) => row.input === state.input);
const found = (row) => `${row.codec} ${row.family}`.toLowerCase().includes(state.find.toLowerCase());

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT] = [1000, 460, 60, 45, 15, 130];
function axes(svg, x, y, xs, ys, xName, yName) {
  for (const value of xs) {
    svg.append(drawn("line", { class: "grid", x1: x(value), x2: x(value), y1: TOP, y2: HEIGHT - BOTTOM }));
    svg.append(drawn("text", { x: x(value), y: HEIGHT - BOTTOM + 18, "text-anchor": "middle" },
      value.toLocaleString("en")));
  }
  for (const value of ys) {
    svg.append(drawn("line", { class: "grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) }));
    svg.append(drawn("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" },
      Number(value.toFixed(2))));
  }
  svg.append(drawn("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 6, "text-anchor": "middle" }, xName));
  svg.append(drawn("text", { x: 12, y: TOP + 4 }, yName));
}

function ticks(least, most, count) {
  const step = 10 ** Math.floor(Math.log10((most - least) / count || 1));
  const wide = [1, 2, 5, 10].map((by) => by * step).find((by) => (most - least) / by <= count);
  const all = [];
  for (let at = Math.ceil(least / wide) * wide; at <= most; at += wide) all.push(at);
  return all;
}

function pareto() {
  const rows = here().filter((row) => row[state.way] > 0 && row.bits_per_char > 0);
  const svg = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "group",
    "aria-label": "bits/char against speed" });
  byId("pareto").replaceChildren(svg);
  if (!rows.length) return;
  const speeds = rows.map((row) => Math.log10(row[state.way]));
  const sizes = rows.map((row) => row.bits_per_char);
  const [slow, fast] = [Math.floor(Math.min(...speeds)), Math.ceil(Math.max(...speeds) + 1e-9)];
  const [small, large] = [Math.min(...sizes) - 0.05, Math.max(...sizes) + 0.05];
  const x = (speed) => LEFT + (Math.log10(speed) - slow) / (fast - slow) * (WIDTH - LEFT - RIGHT);
  const y = (size) => TOP + (large - size) / (large - small) * (HEIGHT - TOP - BOTTOM);
  const decades = Array.from({ length: fast - slow + 1 }, (_, at) => 10 ** (slow + at));
  axes(svg, x, y, decades, ticks(small, large, 8), `KB/s to ${state.way.endsWith("decompress") ? "restore" : "compress"}`,
    "bits/char");
  const front = [...rows].sort((a, b) => b[state.way] - a[state.way] || a.bits_per_char - b.bits_per_char);
  let best = Infinity;
  const points = front.filter((row) => !row.trained_share && row.bits_per_char < best
    && (best = row.bits_per_char));
  svg.append(drawn("polyline", { class: "front",
    points: points.map((row) => `${x(row[state.way])},${y(row.bits_per_char)}`).join(" ") }));
  for (const row of front) {
    const point = drawn("circle", { cx: x(row[state.way]), cy: y(row.bits_per_char), r: 6, tabindex: 0,
      role: "img", class: row.trained_share ? "seen" : row.ours ? "ours" : "peer", opacity: found(row) ? 1 : 0.15 });
    tells(point, `${row.codec}: ${whole(row.payload_bytes)} bytes, ${row.bits_per_char.toFixed(3)} bits/char, ` +
      `${WRITE.speed(row.kb_per_s_compress)} and ${WRITE.speed(row.kb_per_s_decompress)} KB/s`);
    svg.append(point);
  }
  // Names where there is room for them; all points tell theirs.
  const taken = [];
  for (const row of points) {
    const [left, bottom] = [x(row[state.way]) + 9, y(row.bits_per_char) - 5];
    const [right, top] = [left + 7 * row.codec.length, bottom - 13];
    if (taken.some((box) => left < box[2] && right > box[0] && top < box[3] && bottom > box[1])) continue;
    taken.push([left, top, right, bottom]);
    svg.append(drawn("text", { class: "name", x: left, y: bottom }, row.codec));
  }
}

function bars() {
  const rows = here().filter((row) => row.total_bytes).sort((a, b) => a.total_bytes - b.total_bytes);
  const most = Math.max(1, ...rows.map((row) => row.total_bytes));
  byId("bars").replaceChildren(...rows.map((row) => {
    const parts = [["payload", row.payload_bytes], ["weights", row.weights_bytes], ["program", row.program_bytes]];
    const bar = element("div", { role: "img", tabindex: 0 });
    for (const [kind, bytes] of parts) {
      const part = element("i", { class: kind });
      part.style.width = `${75 * bytes / most}%`;
      bar.append(part);
    }
    bar.append(element("b", {}, `${(row.total_bytes / 1e6).toFixed(3)} MB`));
    tells(bar, parts.map(([kind, bytes]) => `${kind} ${whole(bytes)} bytes`).join(", "));
    return element("div", { class: "bar" }, element("span", {}, row.codec), bar);
  }));
  if (!rows.length) byId("bars").textContent = "No row of this text has all three.";
}

function learning() {
  const svg = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "group", "aria-label": "Learning curves" });
  byId("learning").replaceChildren(svg);
  const all = data.curves.flatMap((curve) => curve.points);
  if (!all.length) return;
  const most = Math.max(...all.map(([read]) => read)) / 1e6;
  const rates = all.map(([, rate]) => rate);
  const [low, high] = [Math.min(...rates) - 0.02, Math.max(...rates) + 0.02];
  const x = (megabytes) => LEFT + megabytes / most * (WIDTH - LEFT - RIGHT);
  const y = (rate) => TOP + (high - rate) / (high - low) * (HEIGHT - TOP - BOTTOM);
  axes(svg, x, y, ticks(0, most, 8), ticks(low, high, 8), "MB of text read", "bits/char");
  data.curves.forEach((curve, number) => {
    const colour = `hsl(${(number * 137) % 360} 65% 50%)`;
    svg.append(drawn("polyline", { class: "curve", stroke: colour,
      points: curve.points.map(([read, rate]) => `${x(read / 1e6)},${y(rate)}`).join(" ") }));
    const [read, rate] = curve.points[curve.points.length - 1];
    svg.append(drawn("text", { class: "name", x: x(read / 1e6) + 6, y: y(rate) + 4 }, curve.name));
    const point = drawn("circle", { cx: x(read / 1e6), cy: y(rate), r: 5, tabindex: 0, role: "img", fill: colour });
    tells(point, `${curve.name}: ${rate.toFixed(3)} bits/char after ${(read / 1e6).toFixed(1)} MB`);
    svg.append(point);
  });
}

const again = (row) => element("details", {}, element("summary", {}, row.codec), element("code", {}, row.repeat));
const fillRows = table(byId("rows"), data.columns, () => here().filter(found), { codec: again });
table(byId("ablated"), data.ablation_columns, () => data.ablations);
table(byId("rungs"), data.ladder_columns, () => data.ladder);
table(byId("engines"), data.engine_columns, () => data.engines);

function show() {
  const input = data.inputs.find((one) => one.name === state.input);
  byId("about").textContent = input ? input.about : "Nothing was measured yet.";
  for (const button of byId("way").children) {
    button.setAttribute("aria-pressed", button.value === state.way);
  }
  fillRows();
  pareto();
  bars();
}

for (const [value, text] of [["kb_per_s_decompress", "to restore"], ["kb_per_s_compress", "to compress"]]) {
  const button = element("button", { type: "button", value }, text);
  button.addEventListener("click", () => { state.way = value; show(); });
  byId("way").append(button);
}
for (const { name } of data.inputs) byId("input").append(element("option", { value: name }, name));
byId("input").value = state.input;
byId("input").addEventListener("change", (event) => { state.input = event.target.value; show(); });
byId("find").addEventListener("input", (event) => { state.find = event.target.value; show(); });
learning();
show();
