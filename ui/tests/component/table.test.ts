/** A table of numbers: a button in a row does what it says, and the row does not act. */
import { createRawSnippet } from "svelte";
import { expect, test, vi } from "vitest";
import { page as screen, userEvent } from "vitest/browser";
import { render } from "vitest-browser-svelte";
import DataTable from "../../src/views/parts/DataTable.svelte";
import { world } from "./world.ts";

world();

test("a button in a row acts alone, by pointer and by keyboard", async () => {
  const [act, copied] = [vi.fn(), vi.fn()];
  const tail = createRawSnippet<[string]>((id) => ({
    render: () => `<button aria-label="Copy ${id()}">c</button>`,
    setup: (button) => button.addEventListener("click", () => copied(id())),
  }));
  const columns = [{ key: "name", label: "statement", kind: "text" as const }, { key: "busy", label: "s/s", kind: "count" as const }];
  const lines = [{ id: "select 1", cells: { name: "select 1", busy: 2 } }, { id: "select 2", cells: { name: "select 2", busy: 1 } }];
  await render(DataTable, { label: "Statements", columns, lines, by: "busy", act, tail });
  await screen.getByRole("button", { name: "Copy select 2" }).click();
  expect([copied.mock.calls, act.mock.calls.length]).toEqual([[["select 2"]], 0]);
  await userEvent.keyboard("{Enter}");
  expect([copied.mock.calls.length, act.mock.calls.length]).toEqual([2, 0]);
  await screen.getByText("select 1").click();
  expect(act.mock.calls).toEqual([["select 1", { exclude: false }]]);
});
