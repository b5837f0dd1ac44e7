/** The hostile texts: where they are, and that they are only text in every view of an exchange. */
import { existsSync, readdirSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Page } from "playwright-core";
import { expect } from "vitest";
import { allow, open, settled } from "./browser.ts";

const SHARED = process.env["ARACHNE_SHARED"] ?? resolve(import.meta.dirname, "../../../../shared");
const FOLDER = join(SHARED, "hostile/xss");

/** The captures of the hostile corpus whose texts try to become markup; none where the corpus is not there. */
export const HOSTILE = existsSync(FOLDER) ? readdirSync(FOLDER).sort().map((name) => join(FOLDER, name)) : [];

/** Opens an exchange in every view, and its body's preview: nothing of it runs. */
export async function isOnlyText(url: string, exchange: string): Promise<void> {
  // The sandbox of the preview says what it kept from running: that is what it is for.
  allow(/Blocked script execution in .*preview/);
  const page = await open(`/explore/http?grp=template&x=${exchange}`, { url });
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
}

/** The frames of a page in which a hostile text ran; what a sandbox keeps us from asking, it keeps from running. */
export async function pwned(page: Page): Promise<string[]> {
  const asked = page.frames().map(async (frame) => {
    const ran = await frame.evaluate(() => (globalThis as unknown as { __pwned?: unknown }).__pwned !== undefined).catch(() => false);
    return ran ? [frame.url()] : [];
  });
  return (await Promise.all(asked)).flat();
}
