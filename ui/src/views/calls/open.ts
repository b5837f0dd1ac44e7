/** Opens a call beside the view; with Ctrl on a page of its own. */
import { page } from "../../lib/page.svelte.ts";

export function openCall(id: string, event: { ctrlKey: boolean; metaKey: boolean }): void {
  if (event.ctrlKey || event.metaKey) window.open(page.link({ page: "x", id, x: "" }), "_blank", "noopener");
  else page.go({ x: id }, "push");
}
