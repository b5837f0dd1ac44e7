/** What people do with rows: narrow by facets, compare, save what they see, stop what takes long, change columns. */
import { expect, test } from "vitest";
import { allow, browsing, open, settled } from "./browser.ts";

browsing();

const address = (page: { url: () => string }) => new URL(page.url());

test("a facet's value narrows, and Ctrl leaves it out; both add up", async () => {
  const page = await open("/explore/http?tz=UTC");
  const total = async () => Number(await page.locator("[data-total]").getAttribute("data-total"));
  const all = await total();
  const value = page.locator("aside[aria-label=Facets]").getByText("pricing.loom.internal").first();
  await value.click();
  await settled(page);
  const only = await total();
  expect(address(page).searchParams.get("q")).toContain("service:");
  await page.goBack();
  await settled(page);
  await value.click({ modifiers: ["Control"] });
  await settled(page);
  expect((await total()) + only).toBe(all);
});

test("two marked rows are compared side by side, and the marks stay over another search", async () => {
  const page = await open("/explore/http?tz=UTC&q=class:error");
  const boxes = page.locator("[role=row] input[type=checkbox]");
  await boxes.nth(0).check({ force: true });
  await boxes.nth(1).check({ force: true });
  await page.getByText("2 marked").waitFor();
  await page.getByRole("button", { name: "Compare", exact: true }).click();
  await settled(page);
  await page.getByRole("region", { name: "Comparison" }).waitFor();
  await page.keyboard.press("Escape");
  expect(address(page).searchParams.get("x")).toBeNull();
  await page.locator("body").press("e");
  await settled(page);
  await page.getByText("2 marked").waitFor();
});

test("what is seen is saved under a name, found again after a reload, and deleted", async () => {
  const page = await open("/explore/http?tz=UTC&q=status:503&grp=service");
  const name = "the bad minute";
  await page.getByRole("button", { name: "Views", exact: true }).click();
  await page.locator("#view-name").fill(name);
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText(name).first().waitFor();
  const later = await open("/explore/http?tz=UTC");
  await later.getByRole("button", { name: "Views", exact: true }).click();
  await later.getByText(name).first().click();
  await settled(later);
  expect(address(later).searchParams.get("q")).toBe("status:503");
  expect(address(later).searchParams.get("grp")).toBe("service");
  await later.getByRole("button", { name: "Views", exact: true }).click();
  await later.getByRole("button", { name: `Delete ${name}` }).click();
  await later.getByText(name).waitFor({ state: "detached" });
});

test("what takes long says so and is stopped, on the server as well; what was there stays", async () => {
  const page = await open("/explore/http?tz=UTC");
  allow(/net::ERR_(ABORTED|FAILED)/);
  const ended: string[] = [];
  page.on("requestfailed", (request) => ended.push(request.failure()?.errorText ?? ""));
  // The answer is held back: on this store no question takes a second.
  await page.context().route("**/api/v1/query/batch", () => undefined);
  const first = page.locator("[role=row]:has([role=gridcell])").first();
  const before = await first.textContent();
  await page.locator("body").press("e");
  await page.getByRole("button", { name: "Stop", exact: true }).click({ timeout: 10_000 });
  await page.getByText("stopped", { exact: true }).first().waitFor();
  expect(ended).toContain("net::ERR_ABORTED");
  expect(await first.textContent()).toBe(before);
});

test("columns are chosen, sorted, and part of the address", async () => {
  const page = await open("/explore/http?tz=UTC");
  await page.getByRole("button", { name: "Columns" }).click();
  await page.getByRole("checkbox", { name: /^rtt/ }).check();
  await page.keyboard.press("Escape");
  await settled(page);
  await page.getByRole("columnheader", { name: "rtt" }).waitFor();
  await page.getByRole("columnheader", { name: "duration" }).getByRole("button").click();
  await settled(page);
  expect(address(page).searchParams.get("sort")).toBe("-duration");
  expect(address(page).searchParams.get("cols")).toContain("rtt");
});
