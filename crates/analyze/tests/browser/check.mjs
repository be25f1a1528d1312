// Opens pages of `analyze report` in a browser, as readers do: light, dark, on a
// phone, without JavaScript, printed. `.ci/report-check` calls it.
//
//   check.mjs BROWSER DIRECTORY      pages in it, pictures into it
//
// Exit 1: a page asks the network for something, says something on the console,
// does what a name in it asks for, or fails a rule of axe-core that matters.
import { createRequire } from "node:module";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [executablePath, directory] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const MOST_BYTES = 500_000;
// Playwright makes an empty profile; nothing that a browser does on its own.
const args = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

let faults = 0;
let done = 0;
const expect = (holds, what) => {
  done += 1;
  if (holds) return;
  faults += 1;
  console.error(`  wrong: ${what}`);
};

const WAYS = [
  { name: "light", colorScheme: "light", width: 1120 },
  { name: "dark", colorScheme: "dark", width: 1120 },
  { name: "phone", colorScheme: "light", width: 400 },
  { name: "no-script", colorScheme: "light", width: 1120, javaScriptEnabled: false },
];

async function look(file, way) {
  const context = await browser.newContext({
    colorScheme: way.colorScheme,
    javaScriptEnabled: way.javaScriptEnabled ?? true,
    viewport: { width: way.width, height: 900 },
  });
  const page = await context.newPage();
  const said = [];
  page.on("console", (message) => said.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => said.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => {
    said.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  const url = pathToFileURL(file).href;
  page.on("request", (request) => {
    if (request.url() !== url) said.push(`request: ${request.url()}`);
  });
  try {
    await page.goto(url);
    await page.screenshot({ path: file.replace(/\.html$/, `-${way.name}.png`), fullPage: true, caret: "initial" });
    await inert(page);
    if (way.javaScriptEnabled === false) {
      expect((await page.locator("button, input").count()) === 0, "without script there is something to press");
      await page.locator("summary").last().click();
      expect(await page.locator("details").last().getAttribute("open") !== null, "a summary does not open");
    } else {
      await useIt(page);
      // With everything that the script made.
      await accessible(page);
    }
    const size = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    expect(size[0] <= size[1], `the page is ${size[0]} wide in a window of ${size[1]}`);
    if (way.name === "light") {
      const pdf = await page.pdf({ format: "A4", path: file.replace(/\.html$/, ".pdf") });
      expect(pdf.length > 10_000, "it does not print");
    }
  } catch (error) {
    said.push(`failed: ${error.message}`);
  }
  for (const line of said) expect(false, line);
  await context.close();
}

// Nothing but what the page is made of.
async function inert(page) {
  const counts = await page.evaluate(() => ({
    scripts: document.scripts.length,
    loads: document.querySelectorAll("img, link, iframe, object, embed, video, audio, form, base, image, use").length,
    handlers: [...document.querySelectorAll("*")].flatMap((e) => e.getAttributeNames()).filter((n) => /^on|^style$/.test(n)).length,
    links: [...document.querySelectorAll("a")].filter((a) => !a.getAttribute("href").startsWith("#")).length,
  }));
  expect(counts.scripts === 1, `${counts.scripts} scripts`);
  for (const name of ["loads", "handlers", "links"]) expect(counts[name] === 0, `${counts[name]} ${name}`);
}

async function accessible(page) {
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    const run = await globalThis.axe.run(document, { resultTypes: ["violations"] });
    return run.violations.map(({ id, impact, nodes }) => ({ id, impact, first: nodes[0].html.slice(0, 200), why: nodes[0].failureSummary }));
  });
  const grave = violations.filter((fault) => ["serious", "critical"].includes(fault.impact));
  expect(grave.length === 0, `axe: ${JSON.stringify(grave, null, 1)}`);
  for (const fault of violations.filter((fault) => !grave.includes(fault))) {
    console.error(`  axe, ${fault.impact}: ${fault.id} ${fault.first}`);
  }
}

// Sorting, filtering, reading the charts, copying: by keyboard.
async function useIt(page) {
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.activeElement.className === "skip"), "the first stop is not the skip link");
  const table = page.locator("table.sorts").first();
  const head = table.locator("thead th[data-name=connects]");
  await head.locator("button").focus();
  await page.keyboard.press("Enter");
  const values = () => table.locator("tbody tr").evaluateAll((rows) => rows.map((row) => {
    const column = [...row.closest("table").tHead.rows[0].cells].findIndex((cell) => cell.dataset.name === "connects");
    return Number(row.cells[column].querySelector("data").value);
  }));
  const ordered = (list, sign) => list.every((value, at) => at === 0 || sign * (value - list[at - 1]) >= 0);
  expect((await head.getAttribute("aria-sort")) === "descending", "no aria-sort");
  expect(ordered(await values(), -1), "not sorted, largest first");
  await page.keyboard.press("Enter");
  expect((await head.getAttribute("aria-sort")) === "ascending", "aria-sort does not turn");
  expect(ordered(await values(), 1), "not sorted, smallest first");

  const filters = page.locator(".filter input");
  if ((await filters.count()) > 0) {
    const shown = () => filters.first().evaluate((input) => {
      const rows = input.closest(".filter").nextElementSibling.querySelectorAll("tbody tr");
      return [...rows].filter((row) => !row.hidden).length;
    });
    const before = await shown();
    await filters.first().fill("nothing has this name");
    expect((await shown()) === 0, "the filter hides nothing");
    await filters.first().fill("");
    expect((await shown()) === before, "the filter does not bring rows back");
  }

  const charts = page.locator("[data-charts]");
  if ((await charts.count()) > 0) {
    await charts.focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    const read = await page.locator(".readout").textContent();
    const second = await page.locator("#timeseries tbody tr").nth(1).locator("th").textContent();
    expect(read.startsWith(`${second}: connects `), `the charts say ${read}`);
  }

  const copy = page.locator(".command button");
  if ((await copy.count()) > 0) {
    await copy.first().click();
    await page.waitForFunction(() => document.querySelector(".command button").textContent !== "Copy");
  }
}

const browser = await chromium.launch({ executablePath, headless: true, args });
for (const name of readdirSync(directory).filter((name) => name.endsWith(".html")).sort()) {
  const file = join(directory, name);
  const { size } = statSync(file);
  console.error(`${name}: ${size} bytes`);
  expect(size < MOST_BYTES, `${size} bytes`);
  for (const way of WAYS) await look(file, way);
}
await browser.close();
console.error(`report-check: ${done} checks, ${faults} faults`);
process.exit(faults > 0 || done === 0 ? 1 : 0);
