
"use strict";
(() => {
  const make = (tag, attributes, text) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const exact = (cell) => {
    const data = cell.querySelector("data");
    return data ? Number(data.value) : null;
  };
  const before = (a, b) => {
    const [x, y] = [exact(a), exact(b)];
    if (x !== null && y !== null) return x - y;
    return a.textContent.localeCompare(b.textContent, "en", { numeric: true });
  };
  const missing = (cell) => exact(cell) === null && /^(-|n\/a\*)$/.test(cell.textContent);

  const said = make("p", { class: "heard", role: "status" });
  document.querySelector("footer").before(said);

  for (const table of document.querySelectorAll("table.sorts")) {
    const body = table.tBodies[0];
    const name = table.caption.textContent;
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = make("button", { type: "button" }, head.textContent);
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const number = head.classList.contains("n");
        const now = head.getAttribute("aria-sort");
        // Large figures are what one looks for first.
        const ascending = now ? now === "descending" : !number;
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
        const rows = [...body.rows];
        rows.sort((a, b) => {
          const [x, y] = [a.cells[column], b.cells[column]];
          const [noX, noY] = [missing(x), missing(y)];
          if (noX || noY) return noX - noY;
          return ascending ? before(x, y) : before(y, x);
        });
        body.append(...rows);
        said.textContent = `${name}: sorted by ${button.textContent}, ${head.getAttribute("aria-sort")}`;
      });
    });
    if (body.rows.length < 6) continue;
    const input = make("input", { type: "search", autocomplete: "off", spellcheck: "false" });
    const label = make("label", {}, `Filter ${name.toLowerCase()} `);
    const count = make("span");
    label.append(input);
    const filter = make("div", { class: "filter" });
    filter.append(label, count);
    table.parentElement.before(filter);
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of body.rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        shown += row.hidden ? 0 : 1;
      }
      count.textContent = words.length ? `${shown} of ${body.rows.length} rows` : "";
    });
  }

  for (const command of document.querySelectorAll(".command")) {
    const code = command.querySelector("code");
    const button = make("button", { type: "button" }, "Copy");
    command.append(button);
    button.addEventListener("click", async () => {
      let done = false;
      try {
        await navigator.clipboard.writeText(code.textContent);
        done = true;
      } catch {
        // Not every browser lets a file do this: the text is selected instead.
        getSelection().selectAllChildren(code);
      }
      button.textContent = done ? "Copied" : "Selected";
      said.textContent = done ? "Command copied" : "Command selected";
    });
  }

  const charts = document.querySelector("[data-charts]");
  const table = charts && document.getElementById("timeseries");
  if (!table) return;
  const outcomes = document.getElementById("outcomes_over_time");
  const svg = charts.querySelector("svg");
  const bins = charts.dataset.bins.split(",").map(Number);
  const cells = new Map();
  for (const cell of charts.dataset.cells.split(" ").filter(Boolean)) {
    const [at, bin, connects] = cell.split(",").map(Number);
    if (!cells.has(at)) cells.set(at, []);
    cells.get(at).push([bins[bin], connects]);
  }
  const [left, right, width] = ["left", "right", "width"].map((key) => Number(charts.dataset[key]));
  const rows = table.tBodies[0].rows;
  const cross = document.createElementNS("http://www.w3.org/2000/svg", "path");
  cross.setAttribute("class", "cross");
  svg.append(cross);
  const readout = make("p", { class: "readout" }, "Point at the charts, or use the arrow keys, to read an interval.");
  charts.after(readout);
  const short = (ns) => {
    for (const [unit, size] of [["s", 1e9], ["ms", 1e6], ["µs", 1e3]]) {
      if (ns >= size) return `${ns / size} ${unit}`;
    }
    return `${ns} ns`;
  };
  let place = -1;
  const show = (at) => {
    place = Math.max(0, Math.min(rows.length - 1, at));
    const x = left + ((right - left) * (place + 0.5)) / rows.length;
    cross.setAttribute("d", `M${x} 0V${svg.viewBox.baseVal.height}`);
    const wanted = ["connects", "failed", "p50_ns", "p99_ns", "max_ns"];
    const parts = [];
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      if (wanted.includes(head.dataset.name)) {
        parts.push(`${head.textContent} ${rows[place].cells[column].textContent}`);
      }
    });
    if (outcomes) {
      const row = outcomes.tBodies[0].rows[place];
      [...outcomes.tHead.rows[0].cells].forEach((head, column) => {
        const plain = ["time", "established"].includes(head.dataset.name);
        if (row && !plain && exact(row.cells[column])) parts.push(`${head.textContent} ${row.cells[column].textContent}`);
      });
    }
    const most = (cells.get(place) || []).sort((a, b) => b[1] - a[1])[0];
    if (most) parts.push(`most from ${short(most[0])} up (${most[1]})`);
    readout.textContent = `${rows[place].cells[0].textContent}: ${parts.join(", ")}`;
  };
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * width;
    if (x >= left && x <= right) show(Math.floor(((x - left) / (right - left)) * rows.length));
  });
  charts.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    show(place < 0 ? (step > 0 ? 0 : rows.length - 1) : place + step);
    said.textContent = readout.textContent;
  });
})();
