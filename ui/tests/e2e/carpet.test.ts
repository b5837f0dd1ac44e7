/** The carpet on the real program: bars list what they say, of captured rows exactly, of a log what was kept of it. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { appendFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { allow, browsing, open, settled } from "./browser.ts";
import { ended, program, type Served, serve } from "./server.ts";

browsing();

const BARS = Number(process.env["ARACHNE_BARS"] ?? 20);
const REQUESTS = 300;
let own: Served;
let agent: ChildProcess;

/** A line of an access log at an instant. */
function line(at: number, n: number): string {
  const when = new Date(at);
  const month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][when.getUTCMonth()];
  const two = (value: number) => String(value).padStart(2, "0");
  const time = `${two(when.getUTCDate())}/${month}/${when.getUTCFullYear()}:${two(when.getUTCHours())}:${two(when.getUTCMinutes())}:${two(when.getUTCSeconds())} +0000`;
  const status = n % 10 === 0 ? 503 : 200;
  const took = n % 10 === 3 ? "1.700" : n % 10 === 7 ? "0.800" : "0.020";
  return `10.0.0.${n % 200} - - [${time}] "GET /cart/${n} HTTP/1.1" ${status} 512 "-" "Mozilla/5.0" ${took} - [${took}] 10.0.1.1:8080 ${n.toString(16).padStart(32, "0")}\n`;
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 900; tries += 1) {
    if (await isSo()) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`waited in vain: ${what}`);
}

/** The sum of a metric so far. */
async function counted(metric: string): Promise<number> {
  const answer = await fetch(`${own.url}/api/v1/series`, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ metric, aggregate: metric === "access.total" ? "sum" : "count", buckets: 1 }),
  });
  const { series } = (await answer.json()) as { series?: { total: number }[] };
  return series?.[0]?.total ?? 0;
}

beforeAll(async () => {
  // What was captured and what a log says, of the same hour: the recorded scene, and an agent that reads a file.
  own = await serve(resolve(import.meta.dirname, "../../../fixtures/scene.pcapng.zst"));
  const added = execFileSync(program(), ["agents", "add", "web-1", "--data", own.data]).toString();
  const key = join(own.data, "web-1.key");
  writeFileSync(key, /ara_\w+/.exec(added)![0]);
  const log = join(own.data, "access.log");
  const app = join(own.data, "app.log");
  const labels = [{ name: "handler", value: "=handler" }, { name: "stage", value: "=name" }];
  const rule = {
    name: "timings", expression: "timings for (?P<handler>\\S+): (?P<stages>.*)", each: "stages",
    metrics: [{ name: "app.stage.time", percentiles: true, value: "ms2sec:value", percents: [9500], labels }],
  };
  const logs = [{ file: log, service: "shop", access: { format: "combined_plus" } }, { file: app, service: "shop", rule }];
  const collect = { system: true, process: true, tcp: true, nginx: false, logs };
  const put = await fetch(`${own.url}/api/v1/agents/web-1/config`, {
    method: "PUT", headers: { "Content-Type": "application/json", "If-Match": "*" }, body: JSON.stringify({ capture: false, collect }),
  });
  expect(put.ok, await put.text()).toBe(true);
  agent = spawn(program(), ["agent", "--server", `unix:${own.data}/socket`, "--key-file", key, "--spool", join(own.data, "web-1")], { stdio: "ignore" });
  await until("the agent follows the log", async () => {
    const { status } = (await (await fetch(`${own.url}/api/v1/agents/web-1`)).json()) as { status?: { config: { applied: number } } };
    return (status?.config.applied ?? 0) >= 2;
  });
  // A file that is there when its pattern is new is read from its end; one that comes later is read whole.
  await until("the host is measured", async () => (await counted("system.uptime")) > 0);
  const begin = Date.now();
  for (let n = 0; n < REQUESTS; n += 1) {
    appendFileSync(log, line(Date.now(), n));
    if (n % 3 === 0) appendFileSync(app, `${new Date().toISOString()} INFO timings for /cart: session=${n}.5 page=12.25\n`);
    if (n % 10 === 9) await new Promise((done) => setTimeout(done, Math.max(0, begin + n * 80 - Date.now())));
  }
  await until("all of the log is counted", async () => (await counted("access.total")) === REQUESTS);
}, 180_000);
afterAll(async () => {
  if (agent !== undefined) await ended(agent);
  await own?.stop();
});

/** The same bars at every run (xorshift32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Marks are another part of the server: one without them answers 404, which browsers tell. */
const carpet = async (address: string, look: object = {}) => {
  allow(/marks|404/);
  return open(address, { url: own.url, ...look });
};

/** Some place of a panel where a click lists something; null where it has nothing to click. */
async function anyBar(page: Page, id: string, next: () => number): Promise<{ x: number; y: number } | null> {
  const plot = page.locator(`[data-plot="${id}"]`);
  await plot.scrollIntoViewIfNeeded();
  const box = (await plot.boundingBox())!;
  for (let tries = 0; tries < 300; tries += 1) {
    const [x, y] = [box.x + (0.6 + 0.4 * next()) * box.width, box.y + box.height - next() ** 2 * box.height];
    await page.mouse.move(x, y);
    if ((await page.locator("[data-tip] [data-hit]").count()) === 1) return { x, y };
  }
  return null;
}

async function someBar(page: Page, id: string, next: () => number): Promise<{ x: number; y: number; says: number }> {
  const plot = page.locator(`[data-plot="${id}"]`);
  await plot.scrollIntoViewIfNeeded();
  const box = (await plot.boundingBox())!;
  for (let tries = 0; tries < 2000; tries += 1) {
    const [x, y] = [box.x + next() * box.width, box.y + box.height - next() ** 2 * box.height];
    await page.mouse.move(x, y);
    const hit = page.locator("[data-tip] [data-hit]");
    const says = (await hit.count()) === 1 ? await hit.getAttribute("data-value") : null;
    if (says !== null && Number(says) > 0) return { x, y, says: Number(says) };
  }
  throw new Error(`no bar was found on ${id}`);
}

for (const id of ["app-light", "errors", "app-urls", "app-rate"]) {
  test(`bars of ${id}, which are captured rows, list exactly what they say`, async () => {
    const next = random(id.length * 7919);
    const page = await carpet("/layer/app?tz=UTC");
    for (let bar = 0; bar < BARS / 4; bar += 1) {
      const { x, y, says } = await someBar(page, id, next);
      await page.mouse.click(x, y);
      await settled(page);
      expect(new URL(page.url()).pathname).toBe("/explore/http");
      expect(Number(await page.locator("[data-total]").getAttribute("data-total")), `${id}, bar ${bar} at ${x}, ${y}`).toBe(says);
      expect(await page.locator("[data-loose]").count()).toBe(0);
      await page.goBack();
      await settled(page);
    }
  });
}

test("bars of a log say how many were counted, and that the list is what was kept of them", async () => {
  const next = random(4711);
  const page = await carpet("/?tz=UTC&from=now-5m&to=now");
  await page.locator('[data-plot="light"] canvas').waitFor();
  for (let bar = 0; bar < 4; bar += 1) {
    const { x, y, says } = await someBar(page, "light", next);
    await page.mouse.click(x, y);
    await settled(page);
    expect(await page.locator("[data-loose]").textContent()).toContain(`${says.toLocaleString("en").replaceAll(",", "\u202f")} were counted`);
    const drill = new URL(page.url()).searchParams;
    // No agent captured beside this log: the lines that were kept stand in the place of exchanges, and the head says so.
    expect(new URL(page.url()).pathname).toBe("/explore/logs");
    expect(drill.get("dq")).toMatch(/^field\.class:(fast|medium|slow|error) agent:web-1$/);
    expect(drill.get("dw")).toContain("no agent captured these requests");
    const kept = Number(await page.locator("[data-total]").getAttribute("data-total"));
    if (drill.get("dq")!.includes("error")) expect(kept).toBe(says);
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThanOrEqual(says);
    await page.goBack();
    await settled(page);
  }
  // The whole of a class over all bars is what the log has of it.
  await page.getByRole("button", { name: "Edge as a table" }).click();
  const rates = await page.getByRole("region", { name: "Edge as a table" }).locator("tbody tr").count();
  expect(rates).toBeGreaterThan(2);
});

test("any bar of the overview lists what is behind it, or says why there is nothing", async () => {
  const next = random(20_011);
  const page = await carpet("/?tz=UTC&from=now-5m&to=now");
  await page.locator('[data-plot="light"] canvas').waitFor();
  await settled(page);
  const ids = await page.locator("[data-plot]").evaluateAll((all) => all.map((one) => one.getAttribute("data-plot")!));
  expect(ids).toEqual(expect.arrayContaining(["light", "custom:app.stage.time", "cpu"]));
  let listed = 0;
  for (let bar = 0; bar < BARS; bar += 1) {
    const id = ids[bar % ids.length]!;
    const at = await anyBar(page, id, next);
    // A panel that measured nothing in this range has no bar.
    if (at === null) continue;
    await page.mouse.click(at.x, at.y);
    await settled(page);
    const where = `${id}, bar ${bar}: ${page.url()}`;
    // What processes did is told by the page of processes, at that time.
    if (new URL(page.url()).pathname === "/processes") expect(new URL(page.url()).searchParams.get("sel"), where).not.toBeNull();
    else {
      await page.locator("[data-total]").waitFor();
      const total = Number(await page.locator("[data-total]").getAttribute("data-total"));
      // What was made of the rows themselves has nothing to add; all else says how exact the way to them is.
      expect(new URL(page.url()).searchParams.get("dw"), where).toMatch({ errors: /×/, services: /^Services by p95: / }[id] ?? /;|×/);
      if (total === 0) expect(await page.locator("[data-empty]").textContent(), where).toContain("What was clicked");
      else listed += 1;
    }
    await page.goBack();
    await page.locator(`[data-plot="${id}"]`).waitFor();
    await settled(page);
  }
  expect(listed).toBeGreaterThan(BARS / 4);
});

test("a bar of a stage lists the lines that have it", async () => {
  const next = random(77);
  const page = await carpet("/?tz=UTC&from=now-5m&to=now");
  const id = "custom:app.stage.time";
  await page.locator(`[data-plot="${id}"] canvas`).waitFor();
  await settled(page);
  const at = (await anyBar(page, id, next))!;
  await page.mouse.click(at.x, at.y);
  await settled(page);
  expect(new URL(page.url()).pathname).toBe("/explore/logs");
  expect(new URL(page.url()).searchParams.get("dq")).toMatch(/field\.stage\.(session|page):\*/);
  expect(Number(await page.locator("[data-total]").getAttribute("data-total"))).toBeGreaterThan(0);
});

test("bars of what hosts measure list what they are of, and none lists everything", async () => {
  const next = random(1811);
  for (const [layer, id] of [["network", "rtt"], ["network", "resent"], ["os", "memory"], ["os", "cpu-modes"]] as const) {
    const page = await carpet(`/layer/${layer}?tz=UTC&from=now-5m&to=now`);
    await page.locator(`[data-plot="${id}"] canvas`).waitFor();
    await settled(page);
    const at = await anyBar(page, id, next);
    // A host without connections to others has none.
    if (at !== null) {
      await page.mouse.click(at.x, at.y);
      await settled(page);
      const { pathname, searchParams } = new URL(page.url());
      if (pathname.startsWith("/explore")) expect(searchParams.get("dq"), `${id}: ${page.url()}`).toMatch(/agent:web-1|(client|server):/);
      else expect(searchParams.get("sel"), `${id}: ${page.url()}`).not.toBeNull();
    }
    await page.context().close();
  }
}, 120_000);

test("classes are of the address: a bar and its list are judged by the same", async () => {
  const page = await carpet("/layer/app?tz=UTC&cls=1..2");
  const { x, y, says } = await someBar(page, "app-slow", random(31));
  await page.mouse.click(x, y);
  await settled(page);
  expect(page.url()).toContain("cls=1..2");
  expect(Number(await page.locator("[data-total]").getAttribute("data-total"))).toBe(says);
  await page.goto(page.url().replace("cls=1..2", "cls=1000..100000"));
  await settled(page);
  expect(Number(await page.locator("[data-total]").getAttribute("data-total"))).toBe(0);
});

// Twelve pages: on a busy machine they take longer than one test may.
/** Plots that have nothing of the colour that a panel has in this theme. */
function grounds(): string[] {
  const ink = document.createElement("canvas").getContext("2d")!;
  ink.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--panel").trim();
  ink.fillRect(0, 0, 1, 1);
  const ground = String(ink.getImageData(0, 0, 1, 1).data);
  const without = (canvas: HTMLCanvasElement) => {
    const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
    for (let at = 0; at < data.length; at += 4) if (String(data.slice(at, at + 4)) === ground) return false;
    return true;
  };
  return [...document.querySelectorAll<HTMLElement>("[data-panel]")]
    .filter((panel) => [...panel.querySelectorAll("canvas")].some((canvas) => canvas.width > 1 && without(canvas)))
    .map((panel) => panel.dataset.panel!);
}

test("all layers draw in both themes; what is not measured says what to do", async () => {
  for (const theme of ["light", "dark"] as const) {
    for (const layer of ["browser", "edge", "app", "db", "network", "os"]) {
      const page = await carpet(`/layer/${layer}?tz=UTC&from=now-5m&to=now`, { theme });
      await page.locator("[data-carpet]").waitFor();
      expect(await page.getByText("could not be drawn").count(), layer).toBe(0);
      expect(await page.locator("[data-panel] canvas, .lacking").count(), layer).toBeGreaterThan(0);
      if (layer === "db") await page.getByText(/No PostgreSQL is asked/).waitFor();
      expect(await page.evaluate(grounds), `${layer} ${theme}`).toEqual([]);
      await page.context().close();
    }
  }
}, 180_000);

test("one crosshair, a brush, the lens and a comparison; all of it is in the address", async () => {
  const page = await carpet("/?tz=UTC&from=now-5m&to=now");
  const box = (await page.locator('[data-plot="cpu"]').boundingBox())!;
  await page.mouse.move(box.x + box.width * 0.95, box.y + 10);
  await expect.poll(() => page.locator(".column").count()).toBeGreaterThan(1);
  expect(await page.locator("[data-tip]").count()).toBe(1);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.4, box.y + 20, { steps: 4 });
  await page.mouse.up();
  const bar = page.getByRole("toolbar", { name: "Selection" });
  await bar.waitFor();
  expect(await bar.getByRole("button").allTextContents()).toEqual(["Zoom", "Compare with before", "Difference", "Open exchanges", "Mark", "×"]);
  expect(page.url()).toMatch(/sel=\d+\.\.\d+/);
  await page.keyboard.press("c");
  await page.keyboard.press("e");
  await settled(page);
  expect(page.url()).toMatch(/cmp=prev.*lens=err/);
  await bar.getByRole("button", { name: "Open exchanges" }).click();
  await settled(page);
  expect(new URL(page.url()).pathname).toBe("/explore/http");
  await page.goBack();
  await settled(page);
  expect(new URL(page.url()).pathname).toBe("/");
});

test("a service through all layers", async () => {
  const page = await carpet("/?tz=UTC");
  const link = page.getByRole("region", { name: "Health of layers by service and host" }).locator("thead a").first();
  const name = await link.textContent();
  await link.click();
  await settled(page);
  expect(decodeURIComponent(new URL(page.url()).pathname)).toBe(`/service/${name}`);
  expect(await page.locator('[data-panel="app-light"] canvas').count()).toBe(1);
});
