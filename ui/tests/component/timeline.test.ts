/** The timeline: a brush is drawn, moved and left, a click lists, and what is not counted yet is no zero. */
import { beforeEach, expect, test, vi } from "vitest";
import { render } from "vitest-browser-svelte";
import Timeline from "../../src/explore/Timeline.svelte";
import { page } from "../../src/lib/page.svelte.ts";
import { answering, asked, show, START, stored, world } from "./world.ts";

world();
const STEP = 30_000;
const bars = (from: number, count: number) => ({
  start: new Date(from).toISOString(), from: new Date(from).toISOString(), to: new Date(from + count * STEP).toISOString(), step_ns: STEP * 1e6, count, mode: "overlap", total: count * 10 + 10,
  provisional: Array.from({ length: count }, () => 0),
  series: [{ key: "fast", kind: "value", values: Array.from({ length: count }, (_, at) => (at === count - 1 ? 20 : 10)), total: count * 10 + 10, drill: { view: "exchanges", filter: "class:fast", mode: "overlap", exact: true } }],
});

beforeEach(() => answering({ panel: ({ kind }) => (kind === "histogram" ? bars(START, 20) : null) }));

async function timeline(): Promise<{ plot: HTMLElement; at: (share: number, height: number, type: string, more?: object) => void }> {
  const { container } = await render(Timeline);
  container.style.width = "900px";
  const plot = container.querySelector<HTMLElement>("[data-plot]")!;
  await expect.poll(() => plot.getAttribute("aria-label")).toMatch(/Timeline of 210 rows/);
  plot.setPointerCapture = vi.fn();
  const at = (share: number, height: number, type: string, more: object = {}) => {
    const box = plot.getBoundingClientRect();
    plot.dispatchEvent(new PointerEvent(type, { bubbles: true, button: 0, clientX: box.left + share * box.width, clientY: box.bottom - height * box.height, ...more }));
  };
  return { plot, at };
}

test("a brush is drawn in whole bars, moved, and left by Escape's command", async () => {
  const { at } = await timeline();
  at(0.26, 0.5, "pointerdown");
  at(0.4, 0.5, "pointermove", { buttons: 1 });
  at(0.49, 0.5, "pointermove", { buttons: 1 });
  at(0.49, 0.5, "pointerup");
  expect(page.state.sel).toEqual({ from: START + 5 * STEP, to: START + 10 * STEP });
  await new Promise((done) => requestAnimationFrame(done));
  at(0.4, 0.5, "pointerdown");
  at(0.45, 0.5, "pointermove", { buttons: 1 });
  at(0.5, 0.5, "pointermove", { buttons: 1 });
  at(0.5, 0.5, "pointerup");
  expect(page.state.sel).toEqual({ from: START + 7 * STEP, to: START + 12 * STEP });
});

test("a click on a colour lists just it; beside it the bar is selected", async () => {
  const { at } = await timeline();
  at(0.12, 0.2, "pointerdown");
  at(0.12, 0.2, "pointerup");
  expect(page.state.drill).toMatchObject({ q: "class:fast", from: START + 2 * STEP, to: START + 3 * STEP, says: 10 });
  show({});
  at(0.12, 0.99, "pointerdown");
  at(0.12, 0.99, "pointerup");
  expect(page.state.sel).toEqual({ from: START + 2 * STEP, to: START + 3 * STEP });
});

test("arrows walk, Shift with them selects, Enter lists", async () => {
  const { plot } = await timeline();
  const press = (key: string, shiftKey = false) => plot.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey, bubbles: true }));
  press("Home");
  press("ArrowRight");
  press("ArrowRight", true);
  expect(page.state.sel).toEqual({ from: START + 2 * STEP, to: START + 3 * STEP });
  press("Enter");
  expect(page.state.drill).toMatchObject({ q: "class:fast", from: START + 2 * STEP });
});

test("of very many rows the end is looked at first, is marked as a part, and the whole takes its place", async () => {
  stored({ exchanges: 100_000_000 });
  const from = (question: { scope?: unknown }) => Date.parse((question.scope as { from: string }).from);
  answering({ panel: (question) => (question.kind === "histogram" && from(question) > START ? bars(START + 18 * STEP, 2) : null) });
  const { container } = await render(Timeline);
  container.style.width = "900px";
  await expect.poll(() => container.querySelector(".total")?.textContent).toBe("~30");
  expect(asked.filter(({ kind }) => kind === "histogram").map((question) => from(question) > START).slice(0, 2)).toEqual([true, false]);
  const canvas = container.querySelector("canvas")!;
  expect(canvas.getContext("2d")!.getImageData(0, 0, 40, 40).data.some((part) => part > 0), "hatched").toBe(true);
});
