/** The log codes grid, from lines in a file to what a click lists. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { browsing, open, settled } from "./browser.ts";
import { type Logging, logging, until } from "./logging.ts";

browsing();

const FAILED = 7;
let site: Logging;

beforeAll(async () => {
  site = await logging();
  site.write(
    ...Array.from({ length: FAILED }, (_, at) => `ERROR SHOP-PAY-001 payment ${at} of request_id=0123456789abcdef0123456789abcd0${at} failed`),
    "WARN the pool is nearly empty", "INFO SHOP-MAIN-002 started",
  );
  await until("the lines are kept", async () => {
    const { rows } = (await (await fetch(`${site.url}/api/v1/log_records?columns=id`)).json()) as { rows: unknown[] };
    return rows.length === FAILED + 2;
  });
});
afterAll(() => site?.stop());

test("a code lists exactly its kept lines, and each opens", async () => {
  const page = await open("/logs?from=now-15m&to=now", { url: site.url });
  const row = page.getByRole("row").filter({ hasText: "SHOP-PAY-001" });
  await row.waitFor();
  expect(await row.locator("td").nth(3).textContent()).toBe(String(FAILED));
  // The gravest stands first.
  expect(await page.locator("tbody tr").first().textContent()).toContain("SHOP-PAY-001");
  await row.locator("td").nth(3).click();
  await settled(page);
  expect(await page.locator("[data-total]").first().getAttribute("data-total")).toBe(String(FAILED));
  await page.getByRole("grid").getByRole("row").filter({ hasText: "payment 3" }).click();
  const detail = page.getByRole("complementary", { name: "Detail" });
  await detail.locator("pre").filter({ hasText: "payment 3" }).waitFor();
  expect(await detail.textContent()).toContain("no exchange was captured");
  // Back is back at the grid.
  await page.goBack();
  await page.goBack();
  await settled(page);
  await page.getByRole("table", { name: "Log codes" }).waitFor();
});

test("a bar lists its lines; an export has each code with a link to its own", async () => {
  const page = await open("/logs?from=now-15m&to=now", { url: site.url });
  const row = page.getByRole("row").filter({ hasText: "SHOP-PAY-001" });
  const spark = row.locator("canvas");
  const box = (await spark.boundingBox())!;
  // The lines were written in one moment: where that is, the picture says.
  let says = 0;
  for (let x = box.width - 1; x > 0 && says === 0; x -= 1) {
    await page.mouse.move(box.x + x, box.y + box.height / 2);
    says = Number(/: (\d+) lines/.exec((await spark.getAttribute("title")) ?? "")?.[1] ?? 0);
    if (says > 0) await page.mouse.click(box.x + x, box.y + box.height / 2);
  }
  await settled(page);
  expect(says).toBeGreaterThan(0);
  expect(await page.locator("[data-total]").first().getAttribute("data-total")).toBe(String(says));
  await page.goBack();
  await settled(page);
  await page.getByRole("button", { name: "Export" }).click();
  const waiting = page.waitForEvent("download");
  await page.getByRole("button", { name: /^ndjson/ }).click();
  const lines = readFileSync((await (await waiting).path())!, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line) as { code: string | null; lines: number; link: string });
  expect(lines.length).toBe(3);
  const pay = lines.find((line) => line.code === "SHOP-PAY-001")!;
  expect(pay.lines).toBe(FAILED);
  const linked = await open(pay.link.replace(site.url, ""), { url: site.url });
  expect(await linked.locator("[data-total]").first().getAttribute("data-total")).toBe(String(FAILED));
});

test("what is picked stands in the address, and keys walk", async () => {
  const page = await open("/explore/logs?mode=codes&from=now-15m&to=now&o.codes.only=grave", { url: site.url });
  const rows = page.locator("tbody tr");
  await rows.first().waitFor();
  expect(await rows.count()).toBe(1);
  await page.getByRole("button", { name: /^all/ }).click();
  expect(new URL(page.url()).search).not.toContain("codes.only");
  expect(await rows.count()).toBe(3);
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await settled(page);
  expect(await page.locator("[data-total]").first().getAttribute("data-total")).toBe("1");
});

test("a filter that leaves nothing over says so, in both themes", async () => {
  for (const theme of ["light", "dark"] as const) {
    const page = await open("/logs?from=now-15m&to=now&q=code:NO-SUCH-009", { url: site.url, theme });
    await page.getByText("The filter leaves nothing over.").waitFor();
  }
});
