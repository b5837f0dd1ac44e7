/** A panel in a real browser: what it draws of gaps and classes, its figures under the shared crosshair, its empty state, its click. */
import { beforeEach, expect, test, vi } from "vitest";
import { render } from "vitest-browser-svelte";
import { board } from "../../src/carpet/board.svelte.ts";
import Elsewhere from "../../src/carpet/Elsewhere.svelte";
import Panel from "../../src/carpet/Panel.svelte";
import { cpu, light } from "../../src/carpet/panels.ts";
import { page } from "../../src/lib/page.svelte.ts";
import "../../src/styles/theme.css";
import { answering, asked, END, show, START, world } from "./world.ts";

world();
const STEP = 10_000;
const COUNT = 60;

/** Ten requests a second, one of which fails, half as many in bucket 30; nothing measured in the first ten buckets. */
function answer(metric: string): object {
  const known = metric === "access.total";
  const values = (rate: number) => Array.from({ length: COUNT }, (_, at) => (at < 10 ? null : at === 30 ? rate / 2 : rate));
  const one = (name: string, rate: number) => ({ kind: "value", key: [name], values: values(rate), total: rate, drill: { view: "exchanges", filter: `class:${name}`, mode: "end", exact: false, reason: "the log counted" } });
  return {
    start: new Date(START).toISOString(), from: new Date(START).toISOString(), to: new Date(END).toISOString(), step_ns: STEP * 1e6, count: COUNT, partial_first: false, partial_last: false,
    aggregate: "rate", metric_kind: known ? "counter" : "", unit: known ? "1/s" : "", by: ["class"], groups: 2, unread: 0, series: known ? [one("fast", 9), one("error", 1)] : [],
  };
}

beforeEach(() => {
  // Colours are read when the theme changes.
  document.documentElement.dataset["theme"] = "light";
  show({ page: "overview" });
  board.at = null;
  answering({ panel: (question) => (question.kind === "series" ? answer((question as { metric?: string }).metric ?? "") : null) });
});

async function panel(spec = light): Promise<{ container: HTMLElement; at: (share: number, height: number, type: string) => void }> {
  const { container } = await render(Panel, { spec });
  container.style.width = "700px";
  await expect.poll(() => container.textContent).toMatch(/10\/s|Install an agent|none in this range/);
  await expect.poll(() => container.querySelector("section")?.ariaBusy).toBe("false");
  const at = (share: number, height: number, type: string) => {
    const plot = container.querySelector<HTMLElement>("[data-plot]")!;
    plot.setPointerCapture = vi.fn();
    const box = plot.getBoundingClientRect();
    plot.dispatchEvent(new PointerEvent(type, { bubbles: true, button: 0, clientX: box.left + share * box.width, clientY: box.bottom - height * box.height }));
  };
  return { container, at };
}

test("asks everything in one request, draws what failed on top and what was not measured as a gap", async () => {
  const { container } = await panel();
  expect(asked.filter(({ kind }) => kind === "series").length).toBeGreaterThanOrEqual(4);
  expect(container.querySelector(".figure")!.textContent).toBe("10/s");
  const canvas = container.querySelector("canvas")!;
  await expect.poll(() => canvas.getContext("2d")!.getImageData(canvas.width - 20, canvas.height - 5, 1, 1).data[3]).toBe(255);
  const pixel = (x: number, y: number) => [...canvas.getContext("2d")!.getImageData(Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1).data].join(",");
  const column = (x: number) => new Set(Array.from({ length: 60 }, (_, at) => pixel(x, at / 60))).size;
  await expect.poll(() => pixel(0.608, 0.9)).not.toBe(pixel(0.05, 0.9));
  await expect.poll(() => column(0.608)).toBeGreaterThan(2);
});

test("the crosshair of another panel shows its value here, and no tooltip", async () => {
  const { container, at } = await panel();
  board.over = "another";
  board.at = START + 5 * STEP + 1;
  await expect.poll(() => container.querySelector(".figure")!.textContent).toBe("–");
  expect(document.querySelector("[data-tip]")).toBeNull();
  at(0.505, 0.2, "pointermove");
  await expect.poll(() => document.querySelector("[data-tip] [data-hit]")?.textContent).toContain("fast");
  expect(document.querySelector("[data-tip]")!.textContent).toContain("what was kept of these 45");
});

test("a click lists what is behind it; beside the bars it selects", async () => {
  const { at } = await panel();
  at(0.505, 0.9, "pointerdown");
  at(0.505, 0.9, "pointerup");
  expect(page.state.sel).toEqual({ from: START + 30 * STEP, to: START + 31 * STEP });
  at(0.505, 0.2, "pointerdown");
  at(0.505, 0.2, "pointerup");
  expect(page.state).toMatchObject({ page: "explore", view: "http", drill: { q: "class:fast", says: 45, loose: true, from: START + 30 * STEP } });
});

test("where nothing is measured it says what to do, and shows no axis", async () => {
  const { container } = await panel(cpu);
  await expect.poll(() => container.querySelector(".missing")?.textContent).toMatch(/Install an agent/);
  expect(container.querySelector("canvas")).toBeNull();
});

test("the errors lens asks for errors alone", async () => {
  show({ page: "overview", lens: "err" });
  await panel({ ...light, figures: [] });
  const filters = (asked as { filter?: string }[]).map(({ filter }) => filter);
  expect(filters).toEqual(["label.class:error"]);
});

test("a range without data says where there are some, and leads there", async () => {
  show({ page: "overview", from: String(END + 3_600_000), to: String(END + 7_200_000) } as never);
  const { container } = await render(Elsewhere);
  await expect.poll(() => container.textContent).toContain("There are data of");
  container.querySelector("button")!.click();
  await expect.poll(() => container.textContent?.trim()).toBe("");
  // The last row begins at the end: it is shown as well.
  expect([page.range.from, page.range.to]).toEqual([START, END + 1]);
});

test("what keys select is told beside, not covered by a tooltip", async () => {
  const { container } = await panel();
  const plot = container.querySelector<HTMLElement>("[data-plot]")!;
  const press = (key: string, shiftKey = false) => plot.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey, bubbles: true }));
  press("ArrowLeft");
  await expect.poll(() => document.querySelector("[data-tip]")).not.toBeNull();
  press("ArrowLeft", true);
  await expect.poll(() => document.querySelector("[data-tip]")).toBeNull();
  expect(page.state.sel!.to - page.state.sel!.from).toBe(STEP);
  expect(container.querySelector("[aria-live]")!.textContent).toMatch(/error|fast/);
});
