// @ts-check
/**
 * `npm run bench`: sizes of what is built, drawing beside a plain canvas, and the pages of a running server, in one run of headless
 * Chromium. Prints a table; `BENCH_WRITE=1` puts it into docs/performance.md. ARACHNE names the server (a large store tells most).
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";
import { build, preview } from "vite";

const ROOT = resolve(import.meta.dirname, "../..");
const ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-sync", "--disable-quic"];
const folder = mkdtempSync(join(tmpdir(), "arachne-bench-"));
/** @type {[string, string, string, string][]} */
const rows = [];

/** @param {number} value */
const ms = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
/** @param {number[]} values */
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;

/** What a first visit loads, and the largest part that comes later, packed. */
async function sizes() {
  process.env["UI_OUT"] = join(folder, "dist");
  await build({ root: join(ROOT, "ui"), configFile: join(ROOT, "ui/vite.config.ts"), logLevel: "error", build: { outDir: join(folder, "dist") } });
  const index = readFileSync(join(folder, "dist/index.html"), "utf8");
  const assets = readdirSync(join(folder, "dist/assets")).filter((name) => name.endsWith(".gz"));
  /** @param {string} name */
  const size = (name) => statSync(join(folder, "dist/assets", name)).size;
  const shell = assets.filter((name) => index.includes(name.slice(0, -3)));
  const lazy = assets.filter((name) => !shell.includes(name)).sort((a, b) => size(b) - size(a));
  rows.push(["shell, gzip", "90 kB", `${(shell.reduce((sum, name) => sum + size(name), 0) / 1000).toFixed(1)} kB`, "–"]);
  rows.push([`largest part that comes later (${lazy[0]?.replace(/-.*/, "")})`, "110 kB", `${(size(lazy[0] ?? "") / 1000).toFixed(1)} kB`, "–"]);
}

/** @param {import("playwright-core").Browser} browser */
async function kernel(browser) {
  await build({ root: join(ROOT, "ui"), configFile: join(ROOT, "ui/vite.config.ts"), logLevel: "error",
    build: { outDir: join(folder, "bench"), rollupOptions: { input: join(ROOT, "ui/bench/kernel.html") } } });
  const server = await preview({ root: join(ROOT, "ui"), configFile: false, logLevel: "error", build: { outDir: join(folder, "bench") }, preview: { host: "127.0.0.1", port: 0 } });
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(`${server.resolvedUrls?.local[0]}bench/kernel.html`);
  await page.waitForFunction(() => "bench" in globalThis);
  /** @type {{name: string, ours: number, bound: number | null}[]} */
  const results = await page.evaluate(() => /** @type {any} */ (globalThis).bench());
  const bars = ["10 ms", "12 ms", "4 ms", "15 ms", "25 ms", "25 ms"];
  results.forEach(({ name, ours, bound }, at) => rows.push([name, bars[at] ?? "–", ms(ours), bound ? `${(ours / bound).toFixed(1)} × ${ms(bound)}` : "–"]));
  await page.close();
  await server.close();
}

/**
 * Processor time that a page has spent on scripts, styles and layout, in milliseconds.
 * @param {import("playwright-core").CDPSession} session
 */
async function work(session) {
  const { metrics } = await session.send("Performance.getMetrics");
  const spent = metrics.filter(({ name }) => ["ScriptDuration", "RecalcStyleDuration", "LayoutDuration"].includes(name));
  return spent.reduce((sum, { value }) => sum + value * 1000, 0);
}

/**
 * Pages of a server: first paint, the grid's first rows, and how long an interaction takes to show its first answer.
 * @param {import("playwright-core").Browser} browser
 * @param {string} url
 */
async function pages(browser, url) {
  const paints = [];
  const grids = [];
  for (let run = 0; run < 5; run += 1) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    const session = await context.newCDPSession(page);
    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    await page.goto(`${url}/explore/http`);
    await page.waitForSelector("[role=row] [role=gridcell]");
    paints.push(await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN));
    await page.waitForSelector("[data-ready]:not([data-busy])");
    const before = await work(session);
    await page.evaluate(async () => {
      // A window of rows that were not there: what the first rows cost, built and laid out, without waiting for a frame.
      const body = /** @type {HTMLElement} */ (document.querySelector("[role=grid]"));
      body.scrollTop += 1000;
      body.dispatchEvent(new Event("scroll"));
      for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
      void body.offsetHeight;
    });
    grids.push((await work(session)) - before);
    await context.close();
  }
  rows.push(["first contentful paint", "600 ms", ms(median(paints)), "–"]);
  rows.push(["a window of new rows in the grid, built and laid out (processor time)", "40 ms", ms(median(grids)), "–"]);
  await interactions(browser, url);
}

/**
 * How long after an interaction its first answer is drawn, and how long until all are.
 * @param {import("playwright-core").Browser} browser
 * @param {string} url
 */
async function interactions(browser, url) {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
  for (const [name, change] of /** @type {[string, string][]} */ ([
    ["a filter by class", "q=class:error"], ["a filter by text of paths", "q=path:*a1*"], ["bars by service", "grp=service"], ["sorted by duration", "sort=-duration"],
    ["the map", "mode=map"], ["stats", "mode=stats"],
  ])) {
    /** @type {{first: number, all: number}[]} */
    const times = [];
    for (let run = 0; run < 5; run += 1) {
      await page.goto(`${url}/explore/http`);
      await page.waitForSelector("[data-ready]:not([data-busy])");
      times.push(await page.evaluate(interact, change));
    }
    rows.push([`${name}: first answer`, "300 ms", ms(median(times.map(({ first }) => first))), "–"]);
    rows.push([`${name}: all answers`, "–", ms(median(times.map(({ all }) => all))), "–"]);
  }
  await page.close();
}

/**
 * Goes to another address, as a click does it, without another document. Runs in the page.
 * @param {string} query
 * @returns {Promise<{first: number, all: number}>}
 */
function interact(query) {
  const start = performance.now();
  history.pushState(null, "", `/explore/http?${query}`);
  dispatchEvent(new PopStateEvent("popstate"));
  return new Promise((done) => {
    let first = NaN;
    let asked = false;
    const look = () => {
      const now = performance.now();
      const busy = document.querySelector("[data-busy]") !== null;
      asked ||= busy;
      // The page marks each answer that it shows. How well was captured concerns none of these interactions.
      const answers = performance.getEntriesByType("mark").filter((mark) => mark.startTime > start && mark.name.startsWith("answer ") && mark.name !== "answer quality");
      if (Number.isNaN(first) && answers.length > 0) first = now - start;
      // Parts that come later ask later; what nobody asks within two seconds was answered before.
      if ((asked && !busy) || (!asked && now - start > 2000)) done({ first, all: asked ? now - start : NaN });
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
}

const browser = await chromium.launch({ executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium", args: ARGUMENTS });
try {
  await sizes();
  await kernel(browser);
  if (process.env["ARACHNE"]) await pages(browser, process.env["ARACHNE"]);
} finally {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}
const table = ["| what | bar | measured | lower bound |", "|---|---|---|---|", ...rows.map((row) => `| ${row.join(" | ")} |`)].join("\n");
console.log(table);
if (process.env["BENCH_WRITE"] === "1") {
  const file = join(ROOT, "docs/performance.md");
  const [begin, end] = ["<!-- ui: begin, written by `npm run bench` -->", "<!-- ui: end -->"];
  const text = readFileSync(file, "utf8");
  const before = text.slice(0, text.indexOf(begin) + begin.length);
  writeFileSync(file, `${before}\n\nMeasured ${new Date().toISOString().slice(0, 10)}, ${await version()}, headless, without a GPU; medians.\n\n${table}\n\n${text.slice(text.indexOf(end))}`);
}

async function version() {
  const probe = await chromium.launch({ executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium", args: ARGUMENTS });
  const text = `Chromium ${probe.version()}`;
  await probe.close();
  return text;
}
