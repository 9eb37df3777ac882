"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const LIKELY = data.likely, TOLD = data.told, MOST_BITS = 8;
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const words = (text, Kind) => new Kind(bytes(text).buffer);
  const by = data.by.map((figures) => ({
    coder: figures.coder,
    sources: figures.sources,
    bits: words(figures.bits, Uint16Array),
    likely: bytes(figures.likely),
    probabilities: words(figures.probabilities, Uint16Array),
    strongest: bytes(figures.strongest),
    shares: words(figures.shares, Int16Array),
  }));
  const text = document.getElementById("text");
  const told = document.getElementById("told");
  const legend = document.querySelector(".legend");

  // The text, a span for each character; starts[i] is its first byte.
  const spans = [], starts = [];
  let next = 0;
  for (const [size, shown] of data.cells) {
    const span = document.createElement("span");
    span.textContent = shown === "\n" ? "\u21b5\n" : shown;
    if (shown.startsWith("\\x")) span.className = "code";
    span.dataset.at = spans.length;
    spans.push(span);
    starts.push(next);
    next += size;
  }
  text.append(...spans);
  const sizeOf = (at) => data.cells[at][0];
  const bitsOf = (of, at) => {
    let sum = 0;
    for (let i = 0; i < sizeOf(at); i++) sum += of.bits[starts[at] + i] / 256;
    return sum;
  };

  // What the colours show: the bits of one coder, or the difference of two.
  const views = by.map((of) => ({ name: of.coder, value: (at) => bitsOf(of, at) }));
  if (by.length > 1) {
    const name = `${by[1].coder} against ${by[0].coder}`;
    views.push({ name, value: (at) => bitsOf(by[1], at) - bitsOf(by[0], at) });
  }
  const paint = (view) => {
    for (const [at, span] of spans.entries()) {
      const value = view.value(at);
      span.style.setProperty("--share", Math.min(Math.abs(value) / MOST_BITS, 1) * 0.85);
      span.classList.toggle("won", value < 0);
    }
    legend.textContent = view === views[2]
      ? `Red: ${by[1].coder} took more bits. Blue: it took fewer.`
      : `The strongest colour is ${MOST_BITS} bits or more.`;
    for (const [at, button] of [...document.querySelectorAll("#controls button")].entries()) {
      button.setAttribute("aria-pressed", views[at] === view);
    }
  };
  if (views.length > 1) {
    for (const view of views) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = view.name;
      button.addEventListener("click", () => paint(view));
      document.getElementById("controls").append(button);
    }
  }
  paint(views[0]);

  // What is told of a character.
  const element = (tag, content, kind) => {
    const made = document.createElement(tag);
    if (kind) made.className = kind;
    if (content !== undefined) made.textContent = content;
    return made;
  };
  const shownByte = (byte) => {
    const special = { 9: "tab", 10: "end of line", 13: "return", 32: "space" };
    if (special[byte]) return special[byte];
    return byte > 32 && byte < 127
      ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
  };
  const percent = (p) => p < 0.0001 ? "< 0.01 %" : `${(100 * p).toFixed(p < 0.1 ? 2 : 1)} %`;
  const table = (rows) => {
    const made = element("table", undefined, "small");
    for (const { cells, came } of rows) {
      const row = element("tr", undefined, came ? "came" : "");
      cells.forEach((cell, at) => row.append(element("td", cell, at ? "number" : "")));
      made.append(row);
    }
    return made;
  };
  const encoder = new TextEncoder();
  const byteAt = (at, i) => {
    const shown = data.cells[at][1];
    return shown.startsWith("\\x") && shown.length === 4
      ? parseInt(shown.slice(2), 16) : encoder.encode(shown)[i];
  };
  const tell = (at) => {
    told.replaceChildren();
    for (let i = 0; i < sizeOf(at); i++) {
      const place = starts[at] + i, byte = byteAt(at, i);
      told.append(element("h3", `Byte ${data.first + place}: ${shownByte(byte)}`));
      for (const of of by) {
        const bits = (of.bits[place] / 256).toFixed(2);
        told.append(element("p", by.length > 1 ? `${of.coder}: ${bits} bits` : `${bits} bits`));
        const likely = [];
        for (let rank = 0; rank < LIKELY; rank++) {
          const candidate = of.likely[LIKELY * place + rank];
          const p = of.probabilities[LIKELY * place + rank] / 65535;
          if (p > 0) {
            likely.push({ cells: [shownByte(candidate), percent(p)], came: candidate === byte });
          }
        }
        if (likely.length) told.append(element("h4", "Likeliest before it came"), table(likely));
        const sources = [];
        for (let rank = 0; rank < TOLD; rank++) {
          const share = of.shares[TOLD * place + rank] / 8;
          const name = of.sources[of.strongest[TOLD * place + rank]];
          if (share !== 0) {
            sources.push({ cells: [name, `${share > 0 ? "+" : ""}${share.toFixed(1)}`] });
          }
        }
        if (sources.length) {
          told.append(element("h4", "Who spoke for it, or against, in bits of logit"), table(sources));
        }
      }
    }
  };

  let here = 0;
  const go = (at, scroll) => {
    spans[here]?.classList.remove("here");
    here = Math.max(0, Math.min(spans.length - 1, at));
    const span = spans[here];
    if (!span) return;
    span.classList.add("here");
    if (scroll) span.scrollIntoView({ block: "nearest" });
    tell(here);
  };
  text.addEventListener("pointerover", (event) => {
    if (event.target.dataset.at !== undefined) go(Number(event.target.dataset.at), false);
  });
  text.addEventListener("click", (event) => {
    if (event.target.dataset.at !== undefined) go(Number(event.target.dataset.at), false);
  });
  const lineStart = (at) => {
    while (at > 0 && data.cells[at - 1][1] !== "\n") at--;
    return at;
  };
  const lineEnd = (at) => {
    while (at < spans.length - 1 && data.cells[at][1] !== "\n") at++;
    return at;
  };
  const moves = {
    ArrowRight: () => here + 1,
    ArrowLeft: () => here - 1,
    ArrowDown: () => Math.min(lineEnd(here) + 1 + here - lineStart(here), lineEnd(lineEnd(here) + 1)),
    ArrowUp: () => {
      const start = lineStart(here);
      return start ? Math.min(lineStart(start - 1) + here - start, start - 1) : 0;
    },
    Home: () => lineStart(here),
    End: () => lineEnd(here),
  };
  text.addEventListener("keydown", (event) => {
    const move = moves[event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    go(move(), true);
  });
  go(0, false);
})();
