/** What leaves the page and what comes in: exports that others open, captures that are dropped, hostile texts. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { allow, browsing, open, settled } from "./browser.ts";
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

/** One store for each: their exchanges are twins of each other, of which lists show one. */
for (const file of hostile) {
  test(`texts of ${basename(file)} are only text, in every view`, async () => {
    const served = await serve(file);
    try {
      // The sandbox of the preview says what it kept from running: that is what it is for.
      allow(/Blocked script execution in .*preview/);
      const look = { url: served.url };
      const list = await fetch(`${served.url}/api/v1/exchanges?columns=id`);
      const { rows } = (await list.json()) as { rows: [string][] };
      expect(rows.length).toBe(1);
      const page = await open(`/explore/http?grp=template&x=${rows[0]![0]}`, look);
      for (const tab of await page.locator("aside [role=tab]").all()) {
        await tab.click();
        await settled(page);
        expect(await pwned(page)).toEqual([]);
      }
      await page.getByRole("tab", { name: "Response" }).click();
      const preview = page.getByRole("button", { name: "Preview" });
      if (await preview.count()) await preview.first().click();
      await settled(page);
      expect(await pwned(page)).toEqual([]);
      for (const mode of ["Map", "Sequence", "Waterfall", "Stats", "Difference"]) {
        await page.getByRole("tab", { name: mode, exact: true }).click();
        await settled(page);
        expect(await pwned(page), mode).toEqual([]);
      }
      await page.context().close();
    } finally {
      served.stop();
    }
  });
}

/** The frames of a page in which a hostile text ran; what a sandbox keeps us from asking, it keeps from running. */
async function pwned(page: Page): Promise<string[]> {
  const asked = page.frames().map(async (frame) => {
    const ran = await frame.evaluate(() => (globalThis as unknown as { __pwned?: unknown }).__pwned !== undefined).catch(() => false);
    return ran ? [frame.url()] : [];
  });
  return (await Promise.all(asked)).flat();
}

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
