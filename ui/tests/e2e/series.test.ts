/** The series explorer, what processes did, and the pages about the system itself, on what a real agent measured. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { browsing, open, settled } from "./browser.ts";
import { type Logging, logging, METRIC, until } from "./logging.ts";

browsing();

let site: Logging;

beforeAll(async () => {
  site = await logging();
  site.write("ERROR SHOP-PAY-001 payment failed", ...Array.from({ length: 6 }, (_, at) => `INFO item ${at} sold`));
  await until("the lines are counted, and processes measured", async () => {
    // Pages ask for whole points of ten seconds, so what they shall show must lie in those that are over.
    const to = Math.floor(Date.now() / 10_000) * 10_000;
    const over = { from: new Date(to - 300_000).toISOString(), to: new Date(to).toISOString() };
    const total = async (metric: string, aggregate: string) => ((await site.post("/api/v1/series", { metric, aggregate, ...over })) as { series: { total: number | null }[] }).series[0]?.total ?? 0;
    return (await total(METRIC, "sum")) === 7 && (await total("process.memory.usage", "level")) > 0;
  });
});
afterAll(() => site?.stop());

test("a metric is found, grouped and summed; its groups add up to the whole; the address is all of it", async () => {
  const page = await open("/series?from=now-15m&to=now", { url: site.url });
  await page.getByRole("searchbox", { name: "Find a metric" }).fill("shop");
  await page.keyboard.press("Enter");
  await page.getByRole("combobox", { name: "as" }).selectOption("sum");
  await page.getByRole("group", { name: "Group by" }).getByRole("button", { name: "level" }).click();
  await settled(page);
  const groups = page.getByRole("table", { name: "Groups" });
  await groups.getByText("INFO").waitFor();
  const totals = await groups.locator("[data-total]").evaluateAll((cells) => cells.map((cell) => Number(cell.getAttribute("data-total"))));
  await page.waitForSelector("[data-all]");
  expect(totals.reduce((sum, one) => sum + one, 0)).toBe(7);
  expect(Number(await groups.locator("[data-all]").getAttribute("data-all"))).toBe(7);
  const address = new URL(page.url());
  expect([address.pathname, address.searchParams.get("o.m"), address.searchParams.get("o.by"), address.searchParams.get("o.agg")]).toEqual(["/series", METRIC, "level", "sum"]);
  const again = await open(address.pathname + address.search, { url: site.url, theme: "dark" });
  await again.getByRole("table", { name: "Groups" }).getByText("INFO").waitFor();
});

test("two metrics make a third", async () => {
  const page = await open(`/series?from=now-15m&to=now&o.m=${METRIC}&o.agg=sum&q=label.level:ERROR`, { url: site.url });
  await page.getByRole("combobox", { name: "Put together with" }).selectOption("divide");
  await settled(page);
  expect(new URL(page.url()).searchParams.get("o.with")).toBe(`divide:${METRIC}`);
  await page.locator("[data-total='1']").waitFor();
});

test("what ran is told by process, and a moment is chosen on the picture", async () => {
  const page = await open("/processes?from=now-15m&to=now", { url: site.url });
  const table = page.getByRole("table", { name: "Processes" });
  await table.getByRole("button", { name: "arachne", exact: true }).first().waitFor();
  expect(await table.getByRole("row").count()).toBeGreaterThan(1);
  await page.locator("[data-plot=processes]").focus();
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await settled(page);
  expect(new URL(page.url()).searchParams.get("sel")).toMatch(/^\d+\.\.\d+$/);
});

test("the system tells of itself, and parts lead to each other", async () => {
  const page = await open("/system?from=now-15m&to=now", { url: site.url });
  const checks = page.getByRole("region", { name: "Checks" });
  await checks.getByText("1 of 1 well").waitFor();
  await page.getByRole("link", { name: "API latency" }).click();
  await page.getByRole("region", { name: "As the server measures it" }).getByRole("cell", { name: "/api/v1/store" }).waitFor();
  await page.getByRole("link", { name: "Stores" }).click();
  expect(new URL(page.url()).pathname).toBe("/system/stores");
  await page.getByRole("cell", { name: "log_records" }).waitFor();
  await page.getByRole("link", { name: "Servers" }).click();
  await page.getByRole("region", { name: "Servers" }).getByText("takes requests").waitFor();
  await page.locator("[data-plot=server-memory]").waitFor();
  await page.getByRole("link", { name: "Log codes" }).click();
  await page.getByRole("table", { name: "Log codes" }).waitFor();
});
