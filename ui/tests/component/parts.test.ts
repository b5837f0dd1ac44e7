/** Headers of a detail, and the menu of ranges. */
import { expect, test, vi } from "vitest";
import { page as screen } from "vitest/browser";
import { render } from "vitest-browser-svelte";
import Headers from "../../src/detail/Headers.svelte";
import { Item } from "../../src/detail/item.ts";
import { page } from "../../src/lib/page.svelte.ts";
import TimeMenu from "../../src/shell/TimeMenu.svelte";
import { world } from "./world.ts";

world();
const item = new Item({ links: {}, columns: [{ name: "http.request.method", label: "method", kind: "text" }, { name: "url.path", label: "path", kind: "text" }], row: ["GET", "/cart"] } as never);
const MARK = "[redacted:0123456789abcdef]";
const lines = [
  { name: "Host", value: "shop" }, { name: "Cookie", value: `sid=${MARK}` }, { name: "Cookie", value: "theme=dark" }, { name: "X-Bad", value: "<b onclick=globalThis.__pwned=1>x</b>" },
];

test("headers stand as they were sent, secrets are marks, captured text is text", async () => {
  const { container } = await render(Headers, { lines, side: "request", item, version: "1.1" });
  expect(container.querySelector(".first")?.textContent).toBe("GET /cart HTTP/1.1");
  expect([...container.querySelectorAll("th[scope=row]")].map((cell) => cell.firstChild!.textContent)).toEqual(["Host", "Cookie", "Cookie", "X-Bad"]);
  expect(container.textContent).toContain("×2");
  expect(container.textContent).not.toContain("sid=0123456789abcdef");
  expect(container.querySelector("b")).toBeNull();
});

test("headers are narrowed as one types, and each is a filter", async () => {
  const { container } = await render(Headers, { lines, side: "request", item, version: "1.1" });
  await screen.getByRole("searchbox", { name: "Filter headers" }).fill("host");
  expect(container.querySelectorAll("tbody tr").length).toBe(1);
  await screen.getByRole("button", { name: /^(Include|Only|Keep|Filter).*header Host/i }).first().click();
  expect(page.state.q.toLowerCase()).toContain("host");
});

test("a range is chosen at a click, or written; what is no time is said", async () => {
  const close = vi.fn();
  await render(TimeMenu, { close });
  await screen.getByRole("button", { name: "15m", exact: true }).click();
  expect([page.state.from, page.state.to]).toEqual(["now-15m", "now"]);
  expect(close).toHaveBeenCalledOnce();
  await screen.getByLabelText("from").fill("yesterdayish");
  await expect.element(screen.getByText(/“yesterdayish” is no time/)).toBeVisible();
  await screen.getByRole("button", { name: "Apply" }).click();
  expect(page.state.from).toBe("now-15m");
  await screen.getByLabelText("from").fill("now-2h");
  await screen.getByLabelText("to", { exact: true }).fill("now-1h");
  await screen.getByRole("button", { name: "Apply" }).click();
  expect([page.state.from, page.state.to]).toEqual(["now-2h", "now-1h"]);
  expect(close).toHaveBeenCalledTimes(2);
});

test("the way back in time outlives a reload: it stands with the entry of the history", async () => {
  page.time("now-3h", "now");
  page.time("now-1h", "now");
  const { trail } = history.state as { trail: { undo: [string, string][] } };
  expect(trail.undo.at(-1)).toEqual(["now-3h", "now"]);
  page.undoTime();
  expect(page.state.from).toBe("now-3h");
  expect((history.state as { trail: { redo: [string, string][] } }).trail.redo.at(-1)).toEqual(["now-1h", "now"]);
});
