/** Numbers, durations, bytes and instants as people read them: the one place for it. */

/** What stands where nothing was measured. Zero is `0`. */
export const NOTHING = "–";

/** Narrow, and no line breaks there. */
const THIN = "\u202f";

/** Three significant digits with k, M, G: 9.87, 987, 1.23k, 12.3M. */
export function count(value: number | null | undefined): string {
  if (value === null || value === undefined || Number.isNaN(value)) return NOTHING;
  const size = Math.abs(value);
  if (size < 1000) return digits(value);
  for (const [unit, letter] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]] as const) {
    // 999 950 is 1.00M, not 1000k.
    if (size >= unit * 0.9995) return digits(value / unit) + letter;
  }
  return digits(value);
}

/** Three significant digits, trailing zeros kept only where they say something. */
function digits(value: number): string {
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1000) return String(value);
  if (size >= 99.95) return value.toFixed(0);
  if (size >= 9.995) return value.toFixed(1);
  if (size >= 0.0995) return value.toFixed(2);
  return String(Number(value.toPrecision(2)));
}

/** Every digit, in groups of three by thin spaces: 1 234 567. */
export function exact(value: number | null | undefined): string {
  if (value === null || value === undefined) return NOTHING;
  const [whole = "", rest] = String(value).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, THIN);
  return rest === undefined ? grouped : `${grouped}.${rest}`;
}

/** Nanoseconds as ns, µs, ms, s, then 1m 05s, 2h 03m, 3d 4h. */
export function duration(ns: number | null | undefined): string {
  if (ns === null || ns === undefined || Number.isNaN(ns)) return NOTHING;
  if (ns < 0) return `-${duration(-ns)}`;
  if (ns === 0) return "0";
  if (ns < 1e3) return `${digits(ns)} ns`;
  if (ns < 999.5e3) return `${digits(ns / 1e3)} µs`;
  if (ns < 999.5e6) return `${digits(ns / 1e6)} ms`;
  const seconds = ns / 1e9;
  if (seconds < 59.95) return `${digits(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${pad(whole % 60)}s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)}h ${pad(Math.floor((whole % 3600) / 60))}m`;
  return `${Math.floor(whole / 86_400)}d ${Math.floor((whole % 86_400) / 3600)}h`;
}

/** Bytes in KiB, MiB, GiB. */
export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return NOTHING;
  const size = Math.abs(value);
  for (const [shift, unit] of [[40, "TiB"], [30, "GiB"], [20, "MiB"], [10, "KiB"]] as const) {
    if (size >= 2 ** shift * 0.9995) return `${digits(value / 2 ** shift)} ${unit}`;
  }
  return `${value} B`;
}

/** A share of 0 to 1 as per cent; never 100 % or 0 % unless it is exactly so. */
export function percent(share: number | null | undefined): string {
  if (share === null || share === undefined || Number.isNaN(share)) return NOTHING;
  if (share === 0) return "0 %";
  if (share === 1) return "100 %";
  const value = share * 100;
  if (value < 0.01) return "<0.01 %";
  if (value > 99.99 && value < 100) return ">99.99 %";
  if (value > 99.9 && value < 100) return `${value.toFixed(2)} %`;
  return `${digits(value)} %`;
}

/** A number per second. */
export function rate(perSecond: number | null | undefined): string {
  return perSecond === null || perSecond === undefined ? NOTHING : `${count(perSecond)}/s`;
}

/** How a value of a column is shown, by the column's kind in an answer. */
export function cell(value: unknown, kind: string, zone: string): string {
  if (value === null || value === undefined) return NOTHING;
  if (kind === "duration") return duration(value as number);
  if (kind === "size") return bytes(value as number);
  if (kind === "instant") return clock(parseInstant(value as string), zone, 3);
  if (kind === "flag") return value ? "yes" : "no";
  return String(value);
}

/** An instant of the API (RFC 3339) in milliseconds since 1970, with what a double keeps of the nanoseconds. */
export function parseInstant(text: string): number {
  const match = /^(.*T\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (!match) return Date.parse(text);
  return Date.parse(`${match[1]}${match[3]}`) + Number(match[2] ?? 0) * 1000;
}

/** Milliseconds since 1970 as the API takes them. */
export function instant(ms: number): string {
  const whole = Math.floor(ms);
  const nanos = Math.round((ms - whole) * 1e6);
  const base = new Date(whole).toISOString();
  return nanos === 0 ? base : `${base.slice(0, -1)}${String(nanos).padStart(6, "0")}Z`;
}

/** The calendar fields of an instant in a zone (`browser`, `UTC`, or a name such as `Europe/Moscow`). */
export function fields(ms: number, zone: string): Record<"year" | "month" | "day" | "hour" | "minute" | "second", number> {
  const wall = new Date(Math.floor(ms / 1000) * 1000 + ahead(ms, zone));
  return {
    year: wall.getUTCFullYear(), month: wall.getUTCMonth() + 1, day: wall.getUTCDate(),
    hour: wall.getUTCHours(), minute: wall.getUTCMinutes(), second: wall.getUTCSeconds(),
  };
}

/** Clocks are moved at whole quarters of an hour of UTC only, so one look at each is enough: a look is slow, and grids are large. */
const QUARTER_MS = 900_000;
const LOOKS_MAX = 5000;
const looks = new Map<string, Map<number, number>>();
const formats = new Map<string, Intl.DateTimeFormat>();

/** Milliseconds that the zone's clocks are ahead of UTC. */
function ahead(ms: number, zone: string): number {
  if (zone === "UTC") return 0;
  const quarter = Math.floor(ms / QUARTER_MS);
  let known = looks.get(zone);
  if (!known) looks.set(zone, (known = new Map()));
  let by = known.get(quarter);
  if (by === undefined) {
    if (known.size >= LOOKS_MAX) known.clear();
    known.set(quarter, (by = looked(quarter * QUARTER_MS, zone)));
  }
  return by;
}

function looked(ms: number, zone: string): number {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone === "browser" ? undefined : zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit",
      hour: "2-digit", minute: "2-digit", second: "2-digit",
    });
    formats.set(zone, format);
  }
  const parts = Object.fromEntries(format.formatToParts(ms).map((part) => [part.type, part.value]));
  const wall = new Date(0);
  wall.setUTCFullYear(Number(parts["year"]), Number(parts["month"]) - 1, Number(parts["day"]));
  wall.setUTCHours(Number(parts["hour"]), Number(parts["minute"]), Number(parts["second"]));
  return wall.getTime() - ms;
}

/** `14:05:03.217`: the time of day with so many digits of the second; -1 leaves the seconds out. */
export function clock(ms: number, zone: string, decimals = 0): string {
  if (Number.isNaN(ms)) return NOTHING;
  const at = fields(ms, zone);
  const head = `${pad(at.hour)}:${pad(at.minute)}`;
  if (decimals < 0) return head;
  const fraction = decimals === 0 ? "" : `.${fractionOf(ms, decimals)}`;
  return `${head}:${pad(at.second)}${fraction}`;
}

function fractionOf(ms: number, decimals: number): string {
  const rest = ms / 1000 - Math.floor(ms / 1000);
  return Math.min(10 ** decimals - 1, Math.floor(rest * 10 ** decimals + 1e-4)).toString().padStart(decimals, "0");
}

/** `2026-11-21`. */
export function day(ms: number, zone: string): string {
  const at = fields(ms, zone);
  return `${at.year}-${pad(at.month)}-${pad(at.day)}`;
}

/** `2026-11-21 14:05:03.217`. */
export function moment(ms: number, zone: string, decimals = 0): string {
  return `${day(ms, zone)} ${clock(ms, zone, decimals)}`;
}

/** The zone's name as printed beside every axis: `UTC`, `UTC+03:00 Europe/Moscow`. */
export function zoneName(zone: string, at: number): string {
  if (zone === "UTC") return "UTC";
  const name = zone === "browser" ? Intl.DateTimeFormat().resolvedOptions().timeZone : zone;
  const minutes = offset(at, zone);
  if (minutes === 0 && (name === "UTC" || name === "Etc/UTC")) return "UTC";
  const sign = minutes < 0 ? "-" : "+";
  const size = Math.abs(minutes);
  return `UTC${sign}${pad(Math.floor(size / 60))}:${pad(size % 60)} ${name}`;
}

/** Minutes that the zone's clocks are ahead of UTC at an instant. */
export function offset(ms: number, zone: string): number {
  return Math.round(ahead(ms, zone) / 60_000);
}

/** A long id with its middle left out. */
export function short(id: string, length = 12): string {
  if (id.length <= length) return id;
  const half = Math.floor((length - 1) / 2);
  return `${id.slice(0, length - 1 - half)}…${id.slice(-half)}`;
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}
