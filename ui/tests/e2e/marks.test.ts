/** Marks from the browser: set from a selection or from anywhere, seen on every axis, told what changed with them, removed. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { allow, browsing, open, settled } from "./browser.ts";
import { resolve } from "node:path";
import { type Served, serve } from "./server.ts";

browsing();

let own: Served;
beforeAll(async () => {
  own = await serve(resolve(import.meta.dirname, "../../../fixtures/scene.pcapng.zst"));
});
afterAll(() => own?.stop());

const dialog = (page: Page) => page.getByRole("dialog", { name: "Marks" });

test("a mark is set where a selection begins, by keys alone, and stands on every axis", async () => {
  const page = await open("/explore/http?tz=UTC", { url: own.url });
  await page.locator("[data-plot]").focus();
  for (let at = 0; at < 40; at += 1) await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Shift+ArrowRight");
  const from = Number(new URL(page.url()).searchParams.get("sel")!.split("..")[0]);
  await page.keyboard.press("Shift+M");
  await dialog(page).getByLabel("what happened").fill("shop 2.14.0");
  await dialog(page).getByLabel("kind").fill("release");
  await page.keyboard.press("Enter");
  await page.getByText("is marked: shop 2.14.0").waitFor();
  await dialog(page).waitFor({ state: "detached" });
  await page.locator("[data-plot] [data-mark]").waitFor();
  const { marks } = (await (await fetch(`${own.url}/api/v1/marks`)).json()) as { marks: { at: string; kind: string; text: string }[] };
  expect(marks.map((mark) => [Date.parse(mark.at), mark.kind, mark.text])).toEqual([[from, "release", "shop 2.14.0"]]);
  for (const address of ["/", "/layer/app", "/explore/http?mode=stats&o.stats.show=time"]) {
    const other = await open(address, { url: own.url, theme: "dark" });
    await other.locator("[data-mark]").first().waitFor({ state: "attached" });
    await other.context().close();
  }
});

test("what is wrong is said beside it, in the server's words, and nothing is lost", async () => {
  allow(/400|422/);
  const page = await open("/?tz=UTC", { url: own.url });
  await page.locator("body").press("Shift+M");
  const form = dialog(page);
  await form.getByLabel("kind").fill("two words");
  await form.getByLabel("what happened").fill("x");
  await form.getByRole("button", { name: "Set the mark" }).click();
  await form.getByText(/a kind is 1 to 32 letters/).waitFor();
  expect(await form.getByLabel("kind").getAttribute("aria-invalid")).toBe("true");
  await form.getByLabel("kind").fill("note");
  await form.getByLabel("what happened").fill("");
  await form.getByRole("button", { name: "Set the mark" }).click();
  await form.getByText(/write 1 to 500 bytes/).waitFor();
  await form.getByLabel("when").fill("soon");
  await form.getByLabel("what happened").fill("y");
  await page.keyboard.press("Enter");
  await form.getByText(/“soon” is no time/).waitFor();
  expect(await form.getByLabel("what happened").inputValue()).toBe("y");
});

test("a flag opens its mark; what changed with it is a click away; removing can be undone", async () => {
  const page = await open("/explore/http?tz=UTC", { url: own.url });
  await page.locator("[data-mark] button").click();
  const row = dialog(page).getByRole("listitem").filter({ hasText: "shop 2.14.0" });
  await row.getByRole("button", { name: "Remove shop 2.14.0" }).click();
  await row.waitFor({ state: "detached" });
  await page.keyboard.press("Escape");
  expect(await page.locator("[data-mark]").count()).toBe(0);
  await page.getByRole("button", { name: "Undo" }).click();
  await page.locator("[data-mark] button").click();
  await dialog(page).getByRole("link", { name: "What changed with shop 2.14.0" }).click();
  await settled(page);
  const state = new URL(page.url()).searchParams;
  expect([state.get("mode"), state.get("o.base")]).toEqual(["difference", "before"]);
  await page.getByRole("radio", { name: "the time before", checked: true }).waitFor();
});

test("a selection compared with the time before is compared with just that", async () => {
  const page = await open("/?tz=UTC", { url: own.url });
  await page.locator("[data-plot=errors]").focus();
  await page.keyboard.press("End");
  await page.keyboard.press("Shift+ArrowLeft");
  await page.getByRole("button", { name: "Compare with before" }).click();
  await settled(page);
  expect(new URL(page.url()).searchParams.get("o.base")).toBe("before");
  await page.getByRole("radio", { name: "the time before", checked: true }).waitFor();
});
