/** Getting around: brush, zoom, undo, the browser's own back and forward, links, the keyboard alone. */
import type { Page } from "playwright-core";
import { expect, inject, test } from "vitest";
import { browsing, open, settled } from "./browser.ts";

browsing();

const plot = (page: Page) => page.locator("[data-plot]");
const address = (page: Page) => new URL(page.url());

/** Drags over the plot between two shares of its width. */
async function drag(page: Page, from: number, to: number): Promise<void> {
  const box = (await plot(page).boundingBox())!;
  await page.mouse.move(box.x + box.width * from, box.y + 20);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * ((from + to) / 2), box.y + 24, { steps: 4 });
  await page.mouse.move(box.x + box.width * to, box.y + 24, { steps: 4 });
  await page.mouse.up();
  await settled(page);
}

async function total(page: Page): Promise<number> {
  return Number(await page.locator("[data-total]").getAttribute("data-total"));
}

test("a brush lists what lies in it; zoom shows it alone; undo leads back", async () => {
  const page = await open("/explore/http?tz=UTC");
  const all = await total(page);
  await drag(page, 0.3, 0.5);
  const brushed = await total(page);
  expect(brushed).toBeLessThan(all);
  expect(address(page).searchParams.get("sel")).toMatch(/^\d+\.\.\d+$/);
  await page.getByRole("button", { name: "Zoom", exact: true }).click();
  await settled(page);
  expect(await total(page)).toBe(brushed);
  await page.locator("body").press("z");
  await settled(page);
  expect(await total(page)).toBe(all);
  await page.locator("body").press("Shift+Z");
  await settled(page);
  expect(await total(page)).toBe(brushed);
});

test("a brush is moved and resized", async () => {
  const page = await open("/explore/http?tz=UTC");
  const span = () => address(page).searchParams.get("sel")!.split("..").map(Number) as [number, number];
  await drag(page, 0.3, 0.5);
  const [from, to] = span();
  await drag(page, 0.4, 0.6);
  const [movedFrom, movedTo] = span();
  expect(movedTo - movedFrom).toBe(to - from);
  expect(movedFrom).toBeGreaterThan(from);
  await drag(page, 0.7, 0.8);
  const [, resized] = span();
  expect(resized).toBeGreaterThan(movedTo);
});

test("the wheel zooms at the pointer", async () => {
  const page = await open("/explore/http?tz=UTC");
  const all = await total(page);
  const box = (await plot(page).boundingBox())!;
  await page.mouse.move(box.x + box.width / 2, box.y + 40);
  const before = page.url();
  for (let turn = 0; turn < 4; turn += 1) await page.mouse.wheel(0, -100);
  await page.waitForFunction((old) => location.href !== old, before);
  // The last turn asks a moment after the address has changed.
  await expect.poll(() => total(page), { timeout: 10_000 }).toBeLessThan(all);
});

test("a click on a value filters, back and forward walk over filters, a link brings it all back", async () => {
  const page = await open("/explore/http?tz=UTC");
  const all = await total(page);
  const method = page.locator("[role=row] [role=gridcell]").nth(3);
  const value = (await method.textContent())!.trim();
  await method.click({ modifiers: ["Alt"] });
  await settled(page);
  expect(address(page).searchParams.get("q")).toContain(value);
  const some = await total(page);
  expect(some).toBeLessThan(all);
  await page.goBack();
  await settled(page);
  expect(await total(page)).toBe(all);
  await page.goForward();
  await settled(page);
  expect(await total(page)).toBe(some);
  const again = await open(address(page).pathname + address(page).search);
  expect(await total(again)).toBe(some);
});

test("a long state has a short link that opens it", async () => {
  const q = "status:200 " + Array.from({ length: 120 }, (_, at) => `-path:/nowhere/${at}`).join(" ");
  const page = await open(`/explore/http?tz=UTC&q=${encodeURIComponent(q)}`);
  const some = await total(page);
  const answer = await fetch(`${inject("url")}/api/v1/links`, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ state: address(page).pathname + address(page).search }),
  });
  const { url } = (await answer.json()) as { url: string };
  expect(url.length).toBeLessThan(60);
  const again = await open(url);
  await again.waitForURL(/explore/);
  await settled(again);
  expect(await total(again)).toBe(some);
});

test("by keyboard alone: from the page to the body of a failed exchange and back", async () => {
  const page = await open("/explore/http?tz=UTC");
  await page.keyboard.press("/");
  await page.keyboard.type("status:5xx");
  await page.keyboard.press("Enter");
  await settled(page);
  expect(address(page).searchParams.get("q")).toBe("status:5xx");
  await page.keyboard.press("Escape");
  await page.locator("body").press("j");
  await page.locator("body").press("Enter");
  await settled(page);
  expect(address(page).searchParams.get("x")).not.toBe("");
  const first = address(page).searchParams.get("x");
  await page.locator("aside [role=tab]").first().waitFor();
  await page.locator("body").press("Shift+J");
  await settled(page);
  expect(address(page).searchParams.get("x"), "the next exchange").not.toBe(first);
  await page.locator("body").press("3");
  await settled(page);
  await page.locator("body").press("Escape");
  await settled(page);
  expect(address(page).searchParams.get("x")).toBe(null);
});

test("a wrong filter shows where and offers what is right; the rows stay", async () => {
  const page = await open("/explore/http?tz=UTC");
  const all = await total(page);
  await page.keyboard.press("/");
  await page.keyboard.type("duration:>500");
  await page.waitForSelector("text=/unit/");
  await page.keyboard.press("Enter");
  await settled(page);
  expect(await total(page)).toBe(all);
});
