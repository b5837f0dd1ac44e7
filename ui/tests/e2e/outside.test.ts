/** What leaves the page and what comes in: exports that others open, captures that are dropped, hostile texts. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { browsing, open, settled } from "./browser.ts";
import { type Served, serve } from "./server.ts";

browsing();

/** What comes in goes into a store of its own. */
let own: Served;
beforeAll(async () => {
  own = await serve(join(ROOT, "fixtures/demo.pcapng.gz"));
});
afterAll(() => own.stop());

const ROOT = resolve(import.meta.dirname, "../../..");
const SHARED = process.env["ARACHNE_SHARED"] ?? resolve(ROOT, "../shared");

test("an export of what is listed is what is listed", async () => {
  const page = await open("/explore/http?tz=UTC&q=status:5xx");
  const total = Number(await page.locator("[data-total]").getAttribute("data-total"));
  for (const format of ["ndjson", "CSV", "HAR"]) {
    await page.getByRole("button", { name: "Export" }).click();
    const waiting = page.waitForEvent("download");
    await page.getByRole("link", { name: new RegExp(`^${format}`) }).click();
    const text = readFileSync((await (await waiting).path())!, "utf8");
    if (format === "HAR") {
      const har = JSON.parse(text) as { log: { version: string; entries: { request: { method: string } }[] } };
      expect(har.log.version).toBe("1.2");
      expect(har.log.entries.length).toBe(total);
    } else {
      expect(text.trimEnd().split("\n").length - (format === "CSV" ? 1 : 0)).toBeGreaterThanOrEqual(total);
    }
  }
});

test("a session's packets open in tshark", async (context) => {
  try {
    execFileSync("tshark", ["--version"], { stdio: "ignore" });
  } catch {
    return context.skip("tshark is not installed");
  }
  const list = await fetch(`${inject("url")}/api/v1/sessions?limit=1&columns=id,kept`);
  const { rows } = (await list.json()) as { rows: [string, number][] };
  const bytes = await (await fetch(`${inject("url")}/api/v1/sessions/${rows[0]![0]}/pcapng`)).arrayBuffer();
  const file = join(own.data, "exported.pcapng");
  writeFileSync(file, Buffer.from(bytes));
  const seen = execFileSync("tshark", ["-r", file, "-T", "fields", "-e", "frame.number"]).toString();
  expect(seen.trim().split("\n").length).toBe(rows[0]![1]);
});

/** The captures of the hostile corpus whose texts try to become markup. */
const hostile = existsSync(join(SHARED, "hostile/xss")) ? readdirSync(join(SHARED, "hostile/xss")).map((name) => join(SHARED, "hostile/xss", name)) : [];

test.skipIf(hostile.length === 0)("hostile texts are only text, in every view", async () => {
  for (const file of hostile) {
    const answer = await fetch(`${own.url}/api/v1/uploads?label=${encodeURIComponent("<img src=x onerror=globalThis.__pwned=1>")}&tags=hostile`, {
      method: "POST", headers: { "content-type": "application/octet-stream" }, body: readFileSync(file),
    });
    expect(answer.status).toBe(202);
  }
  const tagged = async () => {
    const list = await fetch(`${own.url}/api/v1/exchanges?filter=tag:hostile&columns=id&count=exact`);
    return (await list.json()) as { total: number; rows: [string][] };
  };
  while ((await tagged()).total < hostile.length) await new Promise((done) => setTimeout(done, 50));
  const pwned = () => (globalThis as unknown as { __pwned?: unknown }).__pwned;
  for (const mode of ["grid", "map", "sequence", "waterfall", "stats", "difference"]) {
    const page = await open(`/explore/http?q=tag:hostile&mode=${mode}&grp=template`, { url: own.url });
    expect(await page.evaluate(pwned), mode).toBeUndefined();
  }
  for (const [id] of (await tagged()).rows) {
    const page = await open(`/x/${id}`, { url: own.url });
    for (const tab of await page.locator("[role=tab]").all()) {
      await tab.click();
      await settled(page);
      expect(await page.evaluate(pwned)).toBeUndefined();
    }
    const preview = page.getByRole("button", { name: "Preview" });
    if (await preview.count()) await preview.first().click();
    for (const frame of page.frames()) expect(await frame.evaluate(pwned).catch(() => undefined)).toBeUndefined();
    await page.context().close();
  }
});

test("a capture that is dropped on the page is imported, and shown", async () => {
  const page = await open("/explore/http", { url: own.url });
  const bytes = readFileSync(join(ROOT, "fixtures/scene.pcapng.zst"));
  const transfer = await page.evaluateHandle((content) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0))], "scene.pcapng.zst"));
    return data;
  }, bytes.toString("base64"));
  await page.dispatchEvent("body", "dragover", { dataTransfer: transfer });
  await page.dispatchEvent("body", "drop", { dataTransfer: transfer });
  await page.getByRole("button", { name: /show what came/i }).click({ timeout: 30_000 });
  await settled(page);
  expect(Number(await page.locator("[data-total]").getAttribute("data-total"))).toBeGreaterThan(10);
});
