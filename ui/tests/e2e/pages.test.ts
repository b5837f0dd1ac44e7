/** Every view, in both themes: it draws, says nothing on the console, fetches nothing from elsewhere, and is accessible. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { browsing, open, settled } from "./browser.ts";

browsing();

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe finds that is serious. */
async function faults(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const axe = (globalThis as unknown as { axe: { run: (options: object) => Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> } }).axe;
    const { violations } = await axe.run({ resultTypes: ["violations"] });
    return violations.filter((one) => one.impact === "serious" || one.impact === "critical")
      .map((one) => `${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
  });
}

const VIEWS = [
  "/explore/http", "/explore/tcp", "/explore/packets", "/explore/http?mode=map", "/explore/http?mode=sequence",
  "/explore/http?mode=waterfall", "/explore/http?mode=stats", "/explore/http?mode=difference", "/explore/http?grp=service&cmp=prev",
  "/explore/http?q=path:/nowhere", "/explore/http?from=2001-01-01T00:00:00Z&to=2001-01-02T00:00:00Z", "/explore/http?lens=err&facets=0", "/agents",
  "/", "/?lens=err&cmp=prev", "/layer/app", "/layer/os", "/layer/edge", "/service/www.loom.example", "/logs", "/series", "/processes",
  "/system", "/system/parsing", "/system/servers", "/system/stores", "/system/queues", "/system/breakers", "/system/api",
];

for (const theme of ["light", "dark"] as const) {
  for (const view of VIEWS) {
    test(`${view} in ${theme}`, async () => {
      const page = await open(view, { theme });
      expect(await page.locator(".broken").count(), "no panel broke").toBe(0);
      expect(await faults(page)).toEqual([]);
    });
  }

  test(`the detail of an exchange, tab by tab, in ${theme}`, async () => {
    const page = await open("/explore/http?q=status:5xx", { theme });
    await page.locator("[role=row] [role=gridcell]").nth(3).click();
    await settled(page);
    const tabs = page.locator("aside [role=tab]");
    await tabs.first().waitFor();
    expect(await tabs.count()).toBeGreaterThan(3);
    for (const tab of await tabs.all()) {
      await tab.click();
      await settled(page);
      expect(await page.locator(".broken").count()).toBe(0);
      expect(await faults(page)).toEqual([]);
    }
  });
}
