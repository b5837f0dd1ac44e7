/** What a real browser tells of a page of another site: the script, its beacons, the series and records that become of them. */
import { createServer, type Server } from "node:http";
import { type AddressInfo } from "node:net";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Served, serve } from "./server.ts";

/** What the site calls the request of its page. */
const REQUEST = "0123456789abcdef0123456789abcdef";
const PATIENCE = 40_000;

let served: Served;
let site: Server;
let home = "";
/** Addresses that the site was asked for. */
let asked: string[] = [];

beforeAll(async () => {
  served = await serve();
  site = createServer((request, response) => {
    asked.push(request.url ?? "");
    if (request.url?.startsWith("/stat")) return response.writeHead(204).end();
    if (request.url === "/style.css") return response.writeHead(200, { "content-type": "text/css" }).end("h1 { color: teal }");
    const to = request.url === "/own" ? 'data-to="/stat"' : "";
    const script = `<script async src="${served.url}/rum.js" data-page="cart" data-release="42" ${to}></script>`;
    const head = { "content-type": "text/html", "server-timing": `rid;desc="${REQUEST}", db;dur=12.5` };
    const page = `<!doctype html><link rel="stylesheet" href="/style.css">${script}<h1>Cart</h1><button onclick="missing()">Pay</button>`;
    setTimeout(() => response.writeHead(200, head).end(page), 300);
  });
  await new Promise<void>((done) => site.listen(0, "127.0.0.1", done));
  home = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
});
afterAll(async () => {
  site.close();
  await served.stop();
});

/** What a page tells when it is left may still be on its way: browsers stay until a test has seen what it looks for. */
const browsers: Browser[] = [];
afterEach(async () => {
  for (const browser of browsers.splice(0)) await browser.close();
});

/** Opens a page of the site, uses it, and leaves. */
async function visit(path: string, person: boolean): Promise<void> {
  // Of the whole browser: what a page sends while it is left has no other name than that.
  const name = "--user-agent=Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
  const browser = await chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", ...(person ? ["--disable-blink-features=AutomationControlled", name] : [])],
  });
  browsers.push(browser);
  const page: Page = await browser.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => complaints.push(message.text()));
  const first = page.waitForRequest((request) => /\/(rum|stat)\?/.test(request.url()));
  await page.goto(home + path);
  await first;
  // What is left before it was painted has no largest paint; a click ends the search for it.
  await page.evaluate(() => new Promise<void>((done) => new PerformanceObserver(() => done()).observe({ type: "largest-contentful-paint", buffered: true })));
  await page.getByRole("button").click();
  await page.goto("about:blank");
  expect(complaints.filter((line) => !line.includes("missing") && !line.includes("favicon"))).toEqual([]);
}

/** The rows of an answer of the program, asked again until there are some. */
async function eventually<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (const begun = Date.now(); Date.now() - begun < PATIENCE; ) {
    const found = await ask();
    if (found !== undefined) return found;
    await new Promise((done) => setTimeout(done, 500));
  }
  throw new Error("it never came");
}

interface Series { series: { values: (number | null)[]; drill: { view: string; filter: string } }[] }

/** The largest value of a series over the last minutes, once there is one. */
function most(metric: string, filter: string, aggregate: string): Promise<number> {
  return eventually(async () => {
    const question = { metric, filter, aggregate, from: "-10m", step: "10s" };
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${served.url}/api/v1/series`, { method: "POST", headers, body: JSON.stringify(question) });
    if (!answer.ok) return undefined;
    const { series } = (await answer.json()) as Series;
    const values = series.flatMap((one) => one.values).filter((value) => value !== null);
    return values.length > 0 ? Math.max(...values) : undefined;
  });
}

test("a page of another site tells its stages, its vitals and its request", async () => {
  await visit("/", true);
  expect(await most("browser.views", "label.page:cart label.release:42", "sum")).toBe(1);
  const server = await most("browser.stage.time", "label.stage:server", "p95");
  expect(server).toBeGreaterThan(290_000_000);
  expect(server).toBeLessThan(10_000_000_000);
  expect(await most("browser.load.time", "label.page:cart", "p50")).toBeGreaterThan(server * 0.98);
  expect(await most("browser.vital.time", "label.vital:lcp", "count")).toBe(1);
  expect(await most("browser.errors", "label.page:cart", "sum")).toBe(1);
  const records = await eventually(async () => {
    const address = `${served.url}/api/v1/log_records?from=-10m&columns=request.id,level,fields&filter=service:browser`;
    const { rows } = (await (await fetch(address)).json()) as { rows: [string, string, string][] };
    return rows.length >= 2 ? rows : undefined;
  });
  expect(records.map(([request]) => request)).toEqual([REQUEST, REQUEST]);
  expect(records.map(([, level]) => level).sort()).toEqual(["info", "warn"]);
  const question = { metric: "browser.stage.time", filter: "label.stage:server", by: ["page"], from: "-10m" };
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${served.url}/api/v1/series`, { method: "POST", headers, body: JSON.stringify(question) });
  const { drill } = ((await answer.json()) as Series).series[0]!;
  expect(drill.view).toBe("log_records");
  const list = await fetch(`${served.url}/api/v1/log_records?from=-10m&columns=request.id&filter=${encodeURIComponent(drill.filter)}`);
  expect(((await list.json()) as { rows: unknown[] }).rows.length, drill.filter).toBe(2);
  expect(records.some(([, , fields]) => JSON.stringify(fields).includes("server_timing.db_ns"))).toBe(true);
}, 90_000);

test("a browser that is driven by a program is no visitor", async () => {
  await visit("/", false);
  expect(await most("browser.beacons", "label.outcome:bot", "sum")).toBeGreaterThanOrEqual(1);
}, 90_000);

test("a page may tell it to its own site, whose log is read", async () => {
  asked = [];
  await visit("/own", true);
  const told = await eventually(() => Promise.resolve(asked.find((address) => address.startsWith("/stat?"))));
  const query = new URLSearchParams(told.slice("/stat?".length));
  expect(Object.fromEntries([...query].filter(([name]) => ["v", "p", "r", "id", "st"].includes(name)))).toEqual({
    v: "1", p: "cart", r: "42", id: REQUEST, st: "db:12.5",
  });
  for (const stage of ["server", "transfer", "processing", "load"]) expect(Number(query.get(stage))).toBeGreaterThanOrEqual(0);
}, 90_000);
