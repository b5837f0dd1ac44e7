/** The whole state of a page in its address, and back. Pure: the browser's history is in `page.svelte.ts`. */

/** What is listed: a table of the store. */
export type View = "http" | "tcp" | "packets" | "logs";
/** The table of a view, as the API calls it. */
export const TABLES: Record<View, string> = { http: "exchanges", tcp: "tcp_sessions", packets: "packets", logs: "log_records" };
/** The view of a table. */
export function viewOf(table: string): View {
  return (Object.keys(TABLES) as View[]).find((view) => TABLES[view] === table) ?? "http";
}

/**
 * Which page is open: the overview, one layer of it, one service through all layers, explore, one exchange (`x`), one TCP session
 * (`session`), the series explorer, what processes did, the system itself, the agents, or a short link on its way (`s`).
 */
export type Page = "overview" | "layer" | "service" | "explore" | "x" | "session" | "series" | "processes" | "system" | "agents" | "s";
/** Pages that show a range of time: the bar offers it, keys move it, and an address without one is given one. */
export const TIMED: readonly Page[] = ["overview", "layer", "service", "explore", "series", "processes", "system"];
/** Pages that are a carpet of panels, or of one: their filter is about points. */
export const CARPETS: readonly Page[] = ["overview", "layer", "service", "series", "processes", "system"];
/** What of a state a carpet begins with: its filter is about points, and nothing is listed. */
export const BARE = { q: "", drill: null, x: "", tab: "", mode: "grid" } as const;
/** Back to what is explored: the filter of a carpet, which is about points, stays behind. */
export function explored(state: State): Partial<State> {
  return { page: "explore", id: "", x: "", tab: "", ...(CARPETS.includes(state.page) ? { q: "", drill: null } : {}) };
}
/** How rows are shown. */
export type Mode = "grid" | "map" | "sequence" | "waterfall" | "stats" | "difference" | "codes";
/** How an item belongs to a bucket. */
export type CountMode = "overlap" | "start" | "end";

/** All that an address says. */
export interface State {
  page: Page;
  /** Of `explore`. */
  view: View;
  /** Of `x`, `session` and `s`: the id. Of `layer` and `service`: its name. Of `agents`: the one that is open, or empty; of `system`: what of it. */
  id: string;
  /** The range as written: `now-1h`, an instant. Empty ends fit the data. */
  from: string;
  to: string;
  /** `browser`, `UTC`, or a name; empty: as preferred. */
  tz: string;
  /** The filter. */
  q: string;
  /** The brush inside the range, in milliseconds. */
  sel: { from: number; to: number } | null;
  mode: Mode;
  /** Columns by alias; empty for the view's own. */
  cols: string[];
  /** Field with `-` in front for the largest first. */
  sort: string;
  /** What the bars are stacked by. */
  grp: string;
  count: CountMode;
  /** Compare with: off, the window before, a day or a week before. */
  cmp: "" | "prev" | "1d" | "7d";
  /** `err`: only errors are drawn. */
  lens: "" | "err";
  /** Open in the side panel: an exchange, session or packet. */
  x: string;
  /** Tab of the detail. */
  tab: string;
  /** What a click on a bar listed: kept apart from the filter, so that it can be left again. */
  drill: {
    q: string; from: number; to: number; count: CountMode;
    /** What was clicked, in words. */
    why: string;
    /** The number that was clicked, where it is one of rows: what the list must have. */
    says: number | null;
    /** Whether that number was counted elsewhere, such as in a log: the list then has what was kept of it. */
    loose: boolean;
    /** The lines of logs that stand in the place of the list where that has nothing: their filter, and why they do. */
    kept?: { q: string; why: string };
  } | null;
  /** What takes at least `fast` is medium, at least `slow` slow, in milliseconds; null for the server's own. */
  cls: { fast: number; slow: number } | null;
  /** Follows now. */
  live: boolean;
  /** Facets are open. */
  facets: boolean;
  /** Settings of a mode (map, sequence, stats), by its own key. */
  opt: Record<string, string>;
  /** Keys nobody knows: kept. */
  rest: [string, string][];
}

/** What an empty address means. */
export function initial(): State {
  return {
    page: "explore", view: "http", id: "", from: "", to: "", tz: "", q: "", sel: null, mode: "grid", cols: [], sort: "",
    grp: "", count: "overlap", cmp: "", lens: "", x: "", tab: "", drill: null, cls: null, live: false, facets: true, opt: {}, rest: [],
  };
}

const MODES: readonly Mode[] = ["grid", "map", "sequence", "waterfall", "stats", "difference", "codes"];
const COUNTS: readonly CountMode[] = ["overlap", "start", "end"];

/** Writes a state; `decode(encode(s))` is `s`. */
export function encode(state: State): string {
  const out: [string, string][] = [];
  const put = (key: string, value: string) => {
    if (value !== "") out.push([key, value]);
  };
  put("from", state.from);
  put("to", state.to);
  put("tz", state.tz);
  put("q", state.q);
  put("cmp", state.cmp);
  put("sel", state.sel ? `${state.sel.from}..${state.sel.to}` : "");
  put("mode", state.mode === "grid" ? "" : state.mode);
  put("cols", state.cols.join(","));
  put("sort", state.sort);
  put("grp", state.grp);
  put("count", state.count === "overlap" ? "" : state.count);
  put("lens", state.lens);
  put("x", state.x);
  put("tab", state.tab);
  if (state.drill) {
    const { from, to, count, says, loose } = state.drill;
    put("drill", `${from}..${to}..${count}${says === null && !loose ? "" : `..${loose ? "~" : ""}${says ?? ""}`}`);
    out.push(["dq", state.drill.q]);
    put("dw", state.drill.why);
    if (state.drill.kept) {
      out.push(["dk", state.drill.kept.q]);
      put("dkw", state.drill.kept.why);
    }
  }
  put("cls", state.cls ? `${state.cls.fast}..${state.cls.slow}` : "");
  put("live", state.live ? "1" : "");
  put("facets", state.facets ? "" : "0");
  for (const [key, value] of Object.entries(state.opt).sort(([a], [b]) => (a < b ? -1 : 1))) put(`o.${key}`, value);
  out.push(...state.rest);
  const query = out.map(([key, value]) => `${part(key)}=${part(value)}`).join("&");
  return path(state) + (query === "" ? "" : `?${query}`);
}

function path(state: State): string {
  if (state.page === "explore") return `/explore/${state.view}`;
  if (state.page === "overview") return "/";
  if (state.page === "series" || state.page === "processes") return `/${state.page}`;
  if ((state.page === "agents" || state.page === "system") && state.id === "") return `/${state.page}`;
  return `/${state.page}/${encodeURIComponent(state.id)}`;
}

/** Percent-encodes what must be, and leaves colons, slashes and commas as people read them; a blank is a plus. */
function part(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(/%(3A|2F|2C|20|40|24)/g, (_, code: string) =>
    code === "20" ? "+" : String.fromCharCode(Number.parseInt(code, 16)));
}

/** Reads an address (path and query). What makes no sense is left out; never throws. */
export function decode(address: string): State {
  const state = initial();
  const mark = address.indexOf("?");
  const place = (mark < 0 ? address : address.slice(0, mark)).split("/").filter((piece) => piece !== "");
  readPath(place, state);
  for (const [key, value] of new URLSearchParams(mark < 0 ? "" : address.slice(mark + 1))) readKey(state, key, value);
  return state;
}

function readPath(place: string[], state: State): void {
  const [page, rest = ""] = place;
  if (page === undefined) {
    state.page = "overview";
  } else if ((page === "layer" || page === "service") && rest !== "") {
    state.page = page;
    state.id = unescape(rest);
  } else if (page === "x" || page === "session" || page === "agents" || page === "s") {
    state.page = page;
    state.id = unescape(rest);
  } else if (page === "explore" && Object.hasOwn(TABLES, rest)) {
    state.view = rest as View;
  } else if (page === "series" || page === "processes") {
    state.page = page;
  } else if (page === "system" && rest !== "logcodes") {
    state.page = page;
    state.id = unescape(rest);
  } else if (page === "logs" || page === "system") {
    Object.assign(state, { view: "logs", mode: "codes" });
  }
}

function unescape(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function oneOf<T extends string>(all: readonly T[], value: string, otherwise: T): T {
  return (all as readonly string[]).includes(value) ? (value as T) : otherwise;
}

function readKey(state: State, key: string, value: string): void {
  switch (key) {
    case "from": case "to": case "tz": case "q": case "sort": case "grp": case "x": case "tab":
      state[key] = value;
      break;
    case "cmp": state.cmp = oneOf(["", "prev", "1d", "7d"] as const, value, ""); break;
    case "sel": state.sel = span(value); break;
    case "mode": state.mode = oneOf(MODES, value, "grid"); break;
    case "cols": state.cols = value.split(",").filter((name) => name !== ""); break;
    case "count": state.count = oneOf(COUNTS, value, "overlap"); break;
    case "lens": state.lens = oneOf(["", "err"] as const, value, ""); break;
    case "drill": {
      const at = span(value);
      const [, , mode = "", said = ""] = value.split("..");
      const [, loose, digits] = /^(~?)(\d{0,15})$/.exec(said) ?? ["", "", ""];
      const says = digits ? Number(digits) : null;
      if (at) state.drill = { q: "", why: "", ...state.drill, ...at, count: oneOf(COUNTS, mode, "overlap"), says, loose: loose === "~" };
      break;
    }
    case "dq": if (state.drill) state.drill.q = value; break;
    case "dw": if (state.drill) state.drill.why = value; break;
    case "dk": if (state.drill) state.drill.kept = { why: "", ...state.drill.kept, q: value }; break;
    case "dkw": if (state.drill?.kept) state.drill.kept.why = value; break;
    case "cls": state.cls = limits(value); break;
    case "live": state.live = value === "1"; break;
    case "facets": state.facets = value !== "0"; break;
    default:
      if (key.startsWith("o.") && value !== "" && key !== "o.__proto__") state.opt[key.slice(2)] = value;
      else state.rest.push([key, value]);
  }
}

/** Two times in milliseconds, at most a day, of which the second is not less. */
function limits(text: string): State["cls"] {
  const match = /^(\d{1,8})\.\.(\d{1,8})$/.exec(text);
  const [fast, slow] = [Number(match?.[1]), Number(match?.[2])];
  return match && fast > 0 && slow >= fast && slow <= 86_400_000 ? { fast, slow } : null;
}

function span(text: string): { from: number; to: number } | null {
  const match = /^(\d{1,16})\.\.(\d{1,16})/.exec(text);
  if (!match || Number(match[1]) >= Number(match[2])) return null;
  return { from: Number(match[1]), to: Number(match[2]) };
}
