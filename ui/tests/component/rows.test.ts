/** A row of the grid, and what catches a part that throws. */
import { createRawSnippet } from "svelte";
import { expect, test, vi } from "vitest";
import { render } from "vitest-browser-svelte";
import GridRow from "../../src/explore/GridRow.svelte";
import Guard from "../../src/shell/Guard.svelte";

const HOSTILE = "<img src=x onerror=globalThis.__pwned=1>";
const shown = [
  { label: "status", kind: "integer", at: 0, width: 58 }, { label: "path", kind: "text", at: 1, width: 270 },
  { label: "duration", kind: "duration", at: 2, width: 86 }, { label: "client", kind: "address", at: 3, width: 112 },
];

function row(cells: (string | number | null)[], onopen = vi.fn()) {
  return render(GridRow, { cells, shown, at: 4, offset: 88, current: false, open: false, marked: false, tone: "error", zone: "UTC", onopen, onmark: vi.fn() });
}

test("captured text is text, numbers have units, nothing is a dash", async () => {
  const { container } = await row([503, HOSTILE, 1_500_000_000, null]);
  expect(container.querySelector("img")).toBeNull();
  expect(container.textContent).toContain(HOSTILE);
  expect(container.textContent).toContain("1.50 s");
  expect(container.textContent).toContain("–");
  expect((globalThis as unknown as { __pwned?: unknown }).__pwned).toBeUndefined();
});

test("no answer is said in words", async () => {
  expect((await row([null, "/", null, null])).container.textContent).toContain("none");
});

test("a tooltip has every digit, and is written when the pointer comes", async () => {
  const { container } = await row([200, "/", 1_234_567, null]);
  const cell = container.querySelectorAll<HTMLElement>("[role=gridcell]")[3]!;
  expect(cell.title).toBe("");
  cell.dispatchEvent(new PointerEvent("pointerover", { bubbles: true }));
  expect(cell.title).toBe("1\u202f234\u202f567");
});

test("a click tells the cell and the row", async () => {
  const onopen = vi.fn();
  const { container } = await row([200, "/cart", 10, "10.0.0.1"], onopen);
  container.querySelectorAll<HTMLElement>("[role=gridcell]")[2]!.click();
  expect(onopen).toHaveBeenCalledOnce();
  expect(onopen.mock.calls[0]!.slice(1)).toEqual([4, shown[1]]);
});

test("a part that throws is caught, says so, and leaves the rest alone", async () => {
  const children = createRawSnippet(() => {
    throw new Error("of this part alone");
  });
  const { container } = await render(Guard, { name: "map", children });
  expect(container.textContent).toContain("The map could not be drawn.");
  expect(container.textContent).toContain("of this part alone");
});
