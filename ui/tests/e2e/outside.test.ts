/** What leaves the page and what comes in: exports that others open, captures that are dropped, hostile texts. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { browsing, open, settled } from "./browser.ts";
import { HOSTILE, isOnlyText } from "./hostile.ts";
import { type Served, serve } from "./server.ts";

browsing();

/** What comes in goes into a store of its own. */
let own: Served;
beforeAll(async () => {
  own = await serve(join(ROOT, "fixtures/demo.pcapng.gz"));
});
afterAll(() => own.stop());

const ROOT = resolve(import.meta.dirname, "../../..");

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

/** One store for each: their exchanges are twins of each other, of which lists show one. */
for (const file of HOSTILE) {
  test(`texts of ${basename(file)} are only text, in every view`, async () => {
    const served = await serve(file);
    try {
      const list = await fetch(`${served.url}/api/v1/exchanges?columns=id`);
      const { rows } = (await list.json()) as { rows: [string][] };
      expect(rows.length).toBe(1);
      await isOnlyText(served.url, rows[0]![0]);
    } finally {
      await served.stop();
    }
  });
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
