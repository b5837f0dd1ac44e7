/** The drill contract: what a tooltip says is what a click lists. */
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { browsing, open, settled } from "./browser.ts";

browsing();

/** How many bars are tried; `ARACHNE_BARS=200` for all that the contract is measured by. */
const BARS = Number(process.env["ARACHNE_BARS"] ?? 20);

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

/** Moves over the plot until a bar is under the pointer, and gives what its tooltip says. */
async function someBar(page: Page, next: () => number): Promise<{ x: number; y: number; says: number }> {
  const box = (await page.locator("[data-plot]").boundingBox())!;
  for (let tries = 0; tries < 2000; tries += 1) {
    const x = box.x + next() * box.width;
    const y = box.y + box.height - next() ** 2 * box.height;
    await page.mouse.move(x, y);
    const hit = page.locator("[data-tip] [data-hit]");
    if ((await hit.count()) === 1) return { x, y, says: Number(await hit.getAttribute("data-value")) };
  }
  throw new Error("no bar was found");
}

for (const [split, count] of [["class", "overlap"], ["status", "start"], ["service", "end"], ["template", "overlap"]] as const) {
  test(`bars by ${split}, counted by ${count}, list what their tooltips say`, async () => {
    const next = random(split.length * 7919 + count.length);
    const page = await open(`/explore/http?tz=UTC&grp=${split}&count=${count}`);
    for (let bar = 0; bar < BARS / 4; bar += 1) {
      const { x, y, says } = await someBar(page, next);
      await page.mouse.click(x, y);
      await settled(page);
      expect(Number(await page.locator("[data-total]").getAttribute("data-total")), `bar ${bar} at ${x}, ${y}`).toBe(says);
      await page.keyboard.press("Escape");
      await settled(page);
    }
  });
}

test("a list that is not what was clicked says so; digits of a name are no number", async () => {
  const [from, to] = [Date.now() - 3_600_000, Date.now()];
  const warned = async (drill: string) => {
    const page = await open(`/explore/http?drill=${from}..${to}..overlap${drill}&dq=&dw=200+from+3+s+on`);
    await page.locator("[data-total]").waitFor();
    return page.getByText(/the bar said/).count();
  };
  expect(await warned("")).toBe(0);
  expect(await warned("..1")).toBe(1);
});
