/** The filter bar: mistakes are told with their place and what would put them right, and nothing wrong is applied. */
import { beforeEach, expect, test } from "vitest";
import { page as screen, userEvent } from "vitest/browser";
import { render } from "vitest-browser-svelte";
import BadFilter from "../../src/explore/BadFilter.svelte";
import { page } from "../../src/lib/page.svelte.ts";
import { verdict } from "../../src/lib/verdict.svelte.ts";
import FilterBar from "../../src/shell/FilterBar.svelte";
import { answering, show, world } from "./world.ts";

world();
const MISTAKE = {
  code: "unknown-field", message: "exchanges have no field stauts", span: { start: 5, end: 11 }, fixes: [{ label: "write status", replacement: "status" }],
};
const wrong = (filter: string) => filter.includes("stauts");
const chip = (start: number, end: number, field: string) => ({ span: { start, end }, field, negated: false });

beforeEach(() => answering({
  parse: (filter) => (wrong(filter) ? { valid: false, diagnostics: [MISTAKE] } : {
    explanation: "all of it",
    tree: { kind: "and", span: { start: 0, end: filter.length }, parts: [{ kind: "term", span: { start: 0, end: 4 } }, { kind: "term", span: { start: 5, end: filter.length } }] } as never,
    chips: [chip(0, 4, "a"), chip(5, filter.length, "status")] as never,
  }),
}));

test("a mistake is told, nothing is applied, and the offered word mends it", async () => {
  await render(FilterBar);
  const input = screen.getByRole("combobox", { name: "Filter" });
  await input.click();
  await input.fill("a:1  stauts:500");
  await userEvent.keyboard("{Enter}");
  await expect.element(screen.getByText("exchanges have no field stauts")).toBeVisible();
  expect(page.state.q).toBe("");
  await screen.getByRole("button", { name: "status" }).click();
  await expect.element(input).toHaveValue("a:1  status:500");
  await userEvent.keyboard("{Enter}");
  await expect.poll(() => page.state.q).toBe("a:1  status:500");
});

test("terms are chips, and the last one can be taken out", async () => {
  show({ q: "a:12 status:500" });
  await render(FilterBar);
  await expect.element(screen.getByRole("group", { name: "Terms of the filter" })).toHaveTextContent("a:12");
  await screen.getByRole("button", { name: "Take out status:500" }).click();
  expect(page.state.q).toBe("a:12");
});

test("a mistake in the address is told once with its caret, and can be mended there", async () => {
  show({ q: "a:12 stauts:500" });
  const bar = await render(FilterBar);
  await expect.poll(() => verdict.wrong).toBe(true);
  expect(bar.container.querySelector(".bad")?.textContent).toBe("stauts");
  const { container } = await render(BadFilter);
  expect(container.querySelector("pre")?.textContent).toBe("a:12 stauts:500\n     ^~~~~~");
  await screen.getByRole("button", { name: "write status" }).click();
  expect(page.state.q).toBe("a:12 status:500");
  await expect.poll(() => verdict.wrong).toBe(false);
});
