/** What the shell can do, for keys, help and the palette. */
import { wanted, api } from "../api/client.ts";
import { instant, parseInstant } from "../lib/format.ts";
import { both } from "../lib/filter.ts";
import type { Command } from "../lib/keys.svelte.ts";
import { copyLink } from "../lib/links.ts";
import { overlays } from "../lib/overlays.svelte.ts";
import { page } from "../lib/page.svelte.ts";
import { preferences } from "../lib/preferences.svelte.ts";
import { store } from "../lib/store.svelte.ts";
import { switchView, VIEW_NAMES } from "../lib/switch.svelte.ts";
import { toasts } from "../lib/toasts.svelte.ts";
import { BARE, explored, type State, TIMED, type View } from "../lib/url.ts";
import { steer } from "./steer.svelte.ts";

const COMPARES: State["cmp"][] = ["", "prev", "1d", "7d"];
const COMPARE_WORDS = { "": "Compared with nothing.", prev: "Compared with the window before.", "1d": "Compared with yesterday.", "7d": "Compared with last week." };
const ZONES = ["browser", "UTC"];

const timed = () => TIMED.includes(page.state.page);

/** All of them. */
export function shellCommands(): Command[] {
  const time = (id: string, label: string, keys: string[], run: () => void): Command => ({ id: `time.${id}`, label, group: "Time", keys, run, when: timed });
  const view = (name: View, keys: string[]): Command => ({ id: `go.${name}`, label: `Explore ${VIEW_NAMES[name]}`, group: "General", keys, run: () => void switchView(name) });
  const leaf = (name: "series" | "processes" | "system", label: string, keys: string): Command =>
    ({ id: `go.${name}`, label, group: "General", keys: [keys], run: () => page.go({ page: name, id: "", ...BARE, sel: name === "processes" ? page.state.sel : null, opt: {} }, "push") });
  return [
    time("in", "Closer", ["w"], () => steer.zoom(0.5)),
    time("out", "Further out", ["s"], () => steer.zoom(2)),
    time("back", "A step back", ["a"], () => steer.pan(-0.25)),
    time("on", "A step on", ["d"], () => steer.pan(0.25)),
    time("back5", "Five steps back", ["Shift+a"], () => steer.pan(-1.25)),
    time("on5", "Five steps on", ["Shift+d"], () => steer.pan(1.25)),
    time("previous", "The window before", ["["], () => steer.pan(-1)),
    time("next", "The next window", ["]"], () => steer.pan(1)),
    time("undo", "The range before", ["z"], () => page.undoTime()),
    time("redo", "The range that was left", ["Shift+z"], () => page.redoTime()),
    time("reset", "The range at the start", ["0"], () => steer.reset()),
    time("fit", "All data", ["g a"], () => steer.fit()),
    time("live", "Follow now", ["l"], () => steer.live()),
    { id: "marks", label: "Marks: set one, look through them", group: "Time", keys: ["Shift+m"], run: () => overlays.toggle("marks") },
    time("compare", "Compare with another range", ["c"], cycleCompare),
    time("zone", "Clocks of the browser or UTC", ["u"], cycleZone),
    { ...time("anomaly", "The next error or anomaly", ["n"], () => void nextOdd()), when: () => page.state.page === "explore" },
    { id: "filter.lens.clear", label: "Forget the filter and all terms that are kept", group: "Filter", when: () => page.state.q !== "", run: () => page.go({ q: "", opt: {}, drill: null }, "push") },
    { id: "go.overview", label: "Overview: all layers", group: "General", keys: ["g o"], run: () => page.go({ page: "overview", id: "", ...BARE }, "push") },
    { id: "go.explore", label: "Explore", group: "General", keys: ["g e"], run: () => page.go(explored(page.state), "push") },
    { id: "go.agents", label: "Agents", group: "General", keys: ["g g"], run: () => page.go({ page: "agents", id: "", x: "", tab: "" }, "push") },
    view("http", ["g h"]), view("tcp", ["g t"]), view("packets", ["g p"]), view("logs", ["g l"]),
    leaf("series", "Series explorer", "g s"), leaf("processes", "Processes: what ran when", "g r"), leaf("system", "The system itself", "g y"),
    { id: "views", label: "Saved views", group: "General", keys: ["v"], run: () => overlays.toggle("views") },
    { id: "upload", label: "Upload a capture", group: "General", when: () => store.may("import"), run: () => overlays.toggle("upload") },
    { id: "settings", label: "Settings", group: "General", keys: [","], run: () => overlays.toggle("settings") },
    { id: "theme", label: "Light or dark", group: "General", keys: ["t"], run: () => preferences.set({ theme: preferences.otherTheme() }) },
    { id: "link", label: "Copy a link to exactly this", group: "General", keys: ["y"], run: () => void copyLink(false) },
    { id: "link.relative", label: "Copy a link that keeps now", group: "General", keys: ["Shift+y"], run: () => void copyLink(true) },
    { id: "palette", label: "Commands, views, services, fields", group: "General", keys: ["Ctrl+k"], run: () => overlays.toggle("palette") },
    { id: "help", label: "This help", group: "General", keys: ["?"], run: () => overlays.toggle("help") },
  ];
}

function after<T>(all: readonly T[], now: T): T {
  return all[(all.indexOf(now) + 1) % all.length]!;
}

function cycleCompare(): void {
  const cmp = after(COMPARES, page.state.cmp);
  page.go({ cmp });
  toasts.say(COMPARE_WORDS[cmp]);
}

function cycleZone(): void {
  const zone = after(ZONES, page.zone);
  preferences.set({ zone });
  if (page.state.tz) page.go({ tz: "" });
}

/** Where `n` was last. */
let last = { id: "", at: 0 };

/** Opens the next exchange or session with an error or something odd, from the one that `n` opened before. */
async function nextOdd(): Promise<void> {
  const { state, range, table } = page;
  if (table === "points" || table === "log_records") return toasts.say("Errors stand in the log codes: g l.");
  if (table === "packets") return toasts.say("Packets have no anomalies of their own: look at their sessions.");
  const from = state.x === last.id && last.at >= range.from && last.at < range.to ? last.at : range.from;
  const odd = both(state.q, table === "exchanges" ? "(class:error or anomaly:*)" : "anomaly:*");
  const query = { filter: odd, from: instant(from), to: instant(range.to), mode: "start" as const, order: "start", ascending: true, limit: 2, columns: "id,start" };
  const call = table === "exchanges" ? api.GET("/api/v1/exchanges", { params: { query } }) : api.GET("/api/v1/sessions", { params: { query } });
  try {
    const answer = await wanted(call);
    const row = answer.rows.find((cells) => cells[0] !== last.id || state.x !== last.id);
    if (!row) return toasts.say(from === range.from ? "Nothing odd in this range." : "Nothing odd after this one in this range.");
    last = { id: String(row[0]), at: parseInstant(String(row[1])) };
    page.go({ x: last.id }, state.x ? "replace" : "push");
  } catch (error) {
    toasts.say(error instanceof Error ? error.message : String(error), { kind: "bad" });
  }
}
