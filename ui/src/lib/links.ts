/** Links that others can open: absolute times unless wished otherwise, short ones where the long are too long. */
import { checked } from "../api/client.ts";
import { copy } from "./copy.ts";
import { page } from "./page.svelte.ts";
import { toasts } from "./toasts.svelte.ts";
import { TIMED } from "./url.ts";

/** Longer links are cut by chats and mails. */
const LONG = 2000;

/** The address of what is shown; `relative` keeps `now-1h` as it is. */
export function address(relative: boolean): string {
  const { range, state } = page;
  if (relative || !TIMED.includes(state.page)) return page.link({});
  return page.link({ from: new Date(range.from).toISOString(), to: new Date(range.to).toISOString(), live: false });
}

/** Copies a link to what is shown. */
export async function copyLink(relative: boolean): Promise<void> {
  const state = address(relative);
  let url = location.origin + state;
  if (url.length > LONG) {
    try {
      const response = await checked(fetch("/api/v1/links", {
        method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ state }),
      }));
      const made = (await response.json()) as { id: string };
      url = `${location.origin}/s/${encodeURIComponent(made.id)}`;
    } catch {
      // The long one works, too.
    }
  }
  if (await copy(url)) toasts.say(relative ? "Link copied; its times stay relative." : "Link copied; it shows exactly these times.");
  else toasts.say("The browser does not let pages copy here: the address bar has the link.", { kind: "bad" });
}
