/** Calls as bars on a shared axis: lanes in which overlapping calls stack, drawn at the cost of pixels, not of calls. */
import { hatch, type Surface } from "./surface.ts";

/** A bar: nanoseconds since a base. */
export interface Bar {
  start: number;
  /** End of the request, start of the response; phases that are not known are empty. */
  sent: number;
  answer: number;
  end: number;
  /** Colour of the wait, as a place in the look's colours. */
  color: number;
  hatched: boolean;
}
/** A lane: rows of bars, none of which overlap in a row. */
export interface Lane {
  name: string;
  /** Places of bars, by start, for each row. */
  rows: Int32Array[];
  /** Bars in it. */
  count: number;
  /** First row of the lane in the whole picture, counting a row for its head. */
  top: number;
}
export interface Lanes {
  lanes: Lane[];
  /** Rows of all lanes with their heads. */
  height: number;
  /** Of each bar: its row in the whole picture. */
  row: Int32Array;
}

/** Packs bars (sorted by start) into lanes by name: each goes into the first row that is free. `head` rows stand above each lane. */
export function pack(bars: readonly Bar[], names: readonly string[], head: number): Lanes {
  const groups = new Map<string, { rows: number[][]; ends: number[]; count: number }>();
  const own = new Int32Array(bars.length);
  bars.forEach((bar, at) => {
    const name = names[at]!;
    let group = groups.get(name);
    if (!group) groups.set(name, (group = { rows: [], ends: [], count: 0 }));
    let row = group.ends.findIndex((end) => end <= bar.start);
    if (row < 0) {
      row = group.ends.length;
      group.rows.push([]);
    }
    // A call without length still takes its place.
    group.ends[row] = Math.max(bar.end, bar.start + 1);
    group.rows[row]!.push(at);
    group.count += 1;
    own[at] = row;
  });
  const lanes: Lane[] = [];
  let top = 0;
  for (const [name, group] of groups) {
    lanes.push({ name, rows: group.rows.map((row) => Int32Array.from(row)), count: group.count, top });
    for (const row of group.rows) for (const at of row) own[at] = own[at]! + top + head;
    top += head + group.rows.length;
  }
  return { lanes, height: top, row: own };
}

export interface WaterfallLook {
  /** Nanoseconds at the left and right edge. */
  from: number;
  to: number;
  /** CSS pixels: height of a row, and how far the picture is scrolled. */
  row: number;
  scrolled: number;
  head: number;
  colors: string[];
  request: string;
  response: string;
  line: string;
  accent: string;
  /** Drawn with a frame, by place; -1 for none. */
  hot: number;
  current: number;
}

/** The first bar of a row that ends behind a time, by halving. */
export function firstIn(bars: readonly Bar[], row: Int32Array, time: number): number {
  let low = 0;
  let high = row.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (bars[row[middle]!]!.end < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Draws what is in sight. Gives the number of bars drawn. */
export function drawWaterfall(on: Surface, bars: readonly Bar[], of: Lanes, look: WaterfallLook): number {
  const { context, width, height, ratio } = on;
  const scale = width / (look.to - look.from);
  const tall = look.row * ratio;
  const thick = Math.max(1, Math.round(tall - 3 * ratio));
  const x = (time: number) => Math.round(Math.min(Math.max((time - look.from) * scale, -4), width + 4));
  const fills = look.colors.map((color) => [color, hatch(context, color, look.line, ratio)] as const);
  let drawn = 0;
  let fill: string | CanvasPattern = "";
  const paint = (style: string | CanvasPattern, left: number, right: number, y: number) => {
    if (right <= left) return;
    if (fill !== style) context.fillStyle = fill = style;
    context.fillRect(left, y, right - left, thick);
  };
  for (const lane of of.lanes) {
    const y0 = (lane.top + look.head) * tall - look.scrolled * ratio;
    if (y0 + lane.rows.length * tall < 0) continue;
    if (y0 - look.head * tall > height) break;
    const first = Math.max(0, Math.floor(-y0 / tall));
    const last = Math.min(lane.rows.length, Math.ceil((height - y0) / tall));
    for (let at = first; at < last; at += 1) {
      const row = lane.rows[at]!;
      const y = Math.round(y0 + at * tall + ratio);
      let filled = -5;
      for (let place = firstIn(bars, row, look.from); place < row.length; place += 1) {
        const bar = bars[row[place]!]!;
        if (bar.start > look.to) break;
        const right = Math.max(x(bar.end), x(bar.start) + 1);
        // Bars that share a pixel are one pixel; a failed one is never hidden by it.
        if (right <= filled && !bar.hatched) continue;
        const left = x(bar.start);
        const [a, b] = [x(bar.sent), x(bar.answer)];
        paint(look.request, left, a, y);
        paint(fills[bar.color]![bar.hatched && right - left > 3 ? 1 : 0], a, b, y);
        paint(look.response, b, right, y);
        // Where the phases cannot be told apart, the colour of the whole says how it went.
        if (b <= a && right - left <= 2) paint(fills[bar.color]![0], left, right, y);
        filled = right;
        drawn += 1;
      }
    }
  }
  for (const [place, color] of [[look.current, look.accent], [look.hot, look.accent]] as const) {
    const bar = bars[place];
    if (!bar) continue;
    const y = of.row[place]! * tall - look.scrolled * ratio;
    const left = x(bar.start);
    context.strokeStyle = color;
    context.lineWidth = 2 * ratio;
    context.strokeRect(left - ratio, y, Math.max(x(bar.end) - left, 2) + 2 * ratio, thick + 2 * ratio);
  }
  return drawn;
}

/** The bar under a pixel (CSS); a few pixels beside one count, too. -1 for none. */
export function barAt(bars: readonly Bar[], of: Lanes, look: Pick<WaterfallLook, "from" | "to" | "row" | "scrolled" | "head">, x: number, y: number, width: number): number {
  const place = Math.floor((y + look.scrolled) / look.row);
  const lane = of.lanes.findLast((one) => one.top <= place);
  const row = lane?.rows[place - lane.top - look.head];
  if (!row) return -1;
  const unit = (look.to - look.from) / width;
  const time = look.from + x * unit;
  const slack = 4 * unit;
  const at = firstIn(bars, row, time - slack);
  let best = -1;
  let least = slack;
  for (let next = at; next < Math.min(row.length, at + 40); next += 1) {
    const bar = bars[row[next]!]!;
    if (bar.start > time + slack) break;
    const far = time < bar.start ? bar.start - time : Math.max(0, time - bar.end);
    if (far < least || (far === 0 && best < 0)) [best, least] = [row[next]!, far];
    if (far === 0) break;
  }
  return best;
}
