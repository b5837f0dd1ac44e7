/**
 * The tour of the README: from the first screen to the failing call of the bad minute, its cause in the callee, and its bytes, in
 * at most eight actions. `SCREENS_WRITE=1` renews the pictures in docs/screens/.
 */
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { browsing, open, settled, theBrowser } from "./browser.ts";

browsing();

const SCREENS = resolve(import.meta.dirname, "../../../docs/screens");
const ACTIONS_MAX = 8;

/** Takes a picture for the documents, when they are to be renewed. */
async function picture(page: Page, name: string): Promise<void> {
  if (process.env["SCREENS_WRITE"] !== "1") return;
  mkdirSync(SCREENS, { recursive: true });
  await page.mouse.move(2, 2);
  await page.screenshot({ path: `${SCREENS}/${name}.png` });
}

/** Where the red part of the highest bar is: looked for with the pointer, as people do with their eyes. */
async function worst(page: Page): Promise<{ x: number; y: number }> {
  const box = (await page.locator("[data-plot]").boundingBox())!;
  let found = { x: 0, y: 0, value: 0 };
  for (let x = box.x + 2; x < box.x + box.width; x += 3) {
    for (const share of [0.35, 0.5]) {
      const y = box.y + box.height * share;
      await page.mouse.move(x, y);
      const hit = page.locator("[data-tip] [data-hit]");
      if ((await hit.count()) === 0 || !(await hit.textContent())?.includes("error")) continue;
      const value = Number(await hit.getAttribute("data-value"));
      if (value > found.value) found = { x, y, value };
    }
  }
  expect(found.value, "a bar has a red part").toBeGreaterThan(0);
  return found;
}

/** A row of the grid whose text has all of `words`. */
const row = (page: Page, ...words: string[]) =>
  words.reduce((rows, word) => rows.filter({ hasText: word }), page.locator("[role=row]:has([role=gridcell])")).first();

test("from the first screen to the cause and its bytes", async () => {
  const page = await open("/explore/http", { width: 1440, height: 900 });
  let actions = 0;
  const act = async (what: Promise<unknown>) => {
    await what;
    actions += 1;
    await settled(page);
  };
  await picture(page, "1-explore");

  // The red part of the worst bar lists exactly the failed exchanges.
  const bar = await worst(page);
  await act(page.mouse.click(bar.x, bar.y));
  expect(await page.locator("[data-total]").getAttribute("data-total")).not.toBe("0");

  // One that a visitor saw, at the edge.
  await act(row(page, "www.loom.example", "503").locator("[role=gridcell]").nth(3).click());
  await page.getByText("Same request id").waitFor();
  await picture(page, "2-failed");

  // Everything that its request id went through: edge, shop, pricing.
  await act(page.getByText("Same request id").click());
  await row(page, "pricing").waitFor();
  await picture(page, "3-request-id");

  // The callee's own answer.
  await act(row(page, "pricing", "503").locator("[role=gridcell]").nth(3).click());
  await act(page.getByRole("tab", { name: "Response" }).click());
  await page.locator("aside").getByText(/connection pool exhausted/).first().waitFor();
  await picture(page, "4-cause");

  // And the bytes of both directions, as they were on the wire.
  await act(page.getByRole("tab", { name: "Stream" }).click());
  await page.locator("aside").getByText(/HTTP\/1\.1 503/).first().waitFor();
  await picture(page, "5-bytes");
  expect(actions).toBeLessThanOrEqual(ACTIONS_MAX);
});

test("the views, for the documents and in the colours that some people see", async () => {
  for (const [name, address, theme] of [
    ["map", "/explore/http?mode=map", "dark"], ["sequence", "/explore/http?mode=sequence&q=class:error", "light"], ["waterfall", "/explore/http?mode=waterfall", "dark"],
    ["stats", "/explore/http?mode=stats", "light"], ["difference", "/explore/http?mode=difference", "light"], ["explore-dark", "/explore/http?grp=service", "dark"],
  ] as const) {
    const page = await open(address, { theme, width: 1440, height: 900 });
    expect(await page.locator(".broken").count()).toBe(0);
    await picture(page, name);
    await page.context().close();
  }
  const page = await open("/explore/http", { width: 1440, height: 900 });
  const session = await theBrowser().contexts()[0]!.newCDPSession(page);
  await session.send("Emulation.setEmulatedVisionDeficiency", { type: "deuteranopia" });
  await picture(page, "explore-deuteranopia");
});
