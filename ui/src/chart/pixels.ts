/**
 * A picture as numbers, drawn without a canvas and shown by one: whole pixels are filled, lines are smooth. Without a GPU a canvas
 * takes ten times as long to stroke the lines of a carpet. Colours are opaque, `#rrggbb`; sizes are device pixels.
 */

/**
 * What is drawn on, row by row from the top left: a pixel is `0xAABBGGRR`, which lies in memory as images want it. It has a sign, since
 * numbers of 32 bits without one are slow.
 */
export interface Pixels {
  data: Int32Array;
  width: number;
  height: number;
  /** Device pixels to a CSS pixel. */
  ratio: number;
}

const OPAQUE = 0xff << 24;
const COLOR = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i;

/** A colour as a pixel; what is no `#rrggbb` is grey. */
export function packed(color: string): number {
  const [, r, g, b] = COLOR.exec(color) ?? ["", "80", "80", "80"];
  return OPAQUE | Number(`0x${b}${g}${r}`);
}

/** Memory that all pictures share: each is shown before the next one is drawn. */
let memory = new Int32Array(0);

/** An empty picture of a size in CSS pixels, on a ground; valid until the next one is made. */
export function pixels(width: number, height: number, ratio: number, ground: string): Pixels {
  const [w, h] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  if (memory.length < w * h) memory = new Int32Array(w * h);
  return { data: memory.subarray(0, w * h).fill(packed(ground)), width: w, height: h, ratio };
}

/** Puts a picture on a canvas, which takes its size. */
export function show(canvas: HTMLCanvasElement, on: Pixels): void {
  if (canvas.width !== on.width || canvas.height !== on.height) [canvas.width, canvas.height] = [on.width, on.height];
  canvas.style.width = `${on.width / on.ratio}px`;
  canvas.style.height = `${on.height / on.ratio}px`;
  const bytes = new Uint8ClampedArray(on.data.buffer as ArrayBuffer, on.data.byteOffset, on.data.byteLength);
  // Its pixels come from main memory: there they stay.
  canvas.getContext("2d", { willReadFrequently: true })!.putImageData(new ImageData(bytes, on.width, on.height), 0, 0);
}

/** One colour over another by `part` of 256. */
export function mixed(below: number, above: number, part: number): number {
  const rest = 256 - part;
  const red = ((above & 0xff) * part + (below & 0xff) * rest) >> 8;
  const green = (((above >> 8) & 0xff) * part + ((below >> 8) & 0xff) * rest) >> 8;
  const blue = (((above >> 16) & 0xff) * part + ((below >> 16) & 0xff) * rest) >> 8;
  return OPAQUE | (blue << 16) | (green << 8) | red;
}

/** Fills a box, cut to the picture. */
export function fill(on: Pixels, left: number, top: number, wide: number, tall: number, color: number): void {
  const right = Math.min(left + wide, on.width);
  const bottom = Math.min(top + tall, on.height);
  const first = Math.max(left, 0);
  for (let y = Math.max(top, 0); y < bottom; y += 1) {
    const row = y * on.width;
    for (let at = row + first; at < row + right; at += 1) on.data[at] = color;
  }
}

/** Diagonal lines on a colour, the second channel beside colour itself. */
export interface Hatch {
  /** Pixels by the sum of their place from left and top, repeated. */
  tile: Int32Array;
}

/** CSS pixels from a line of a hatch to the next one. */
const HATCH_PX = 6;
const hatches = new Map<string, Hatch>();

/** A hatch; the few that there are, are kept. */
export function hatchOf(color: string, line: string, ratio: number): Hatch {
  const key = `${color} ${line} ${ratio}`;
  const known = hatches.get(key);
  if (known) return known;
  const size = Math.round(HATCH_PX * ratio);
  const tile = Int32Array.from({ length: size }, (_, at) => {
    // How far the middle of a pixel is from the middle of the line, which is a CSS pixel wide.
    const far = Math.min(at + 1, size - at - 1) / Math.SQRT2;
    return mixed(packed(color), packed(line), Math.round(Math.min(Math.max(ratio / 2 + 0.5 - far, 0), 1) * 256));
  });
  hatches.set(key, { tile });
  return { tile };
}

/** Fills a box with a hatch, by `part` of 256. */
export function fillHatched(on: Pixels, left: number, top: number, wide: number, tall: number, { tile }: Hatch, part = 256): void {
  const right = Math.min(left + wide, on.width);
  const bottom = Math.min(top + tall, on.height);
  for (let y = Math.max(top, 0); y < bottom; y += 1) {
    for (let x = Math.max(left, 0); x < right; x += 1) {
      const at = y * on.width + x;
      const color = tile[(x + y) % tile.length]!;
      on.data[at] = part === 256 ? color : mixed(on.data[at]!, color, part);
    }
  }
}

/** A line: points from left to right; one that is not a number breaks it. */
export interface Path {
  x: Float64Array;
  y: Float64Array;
  count: number;
}

/** How much of each pixel a line covers, of 256, column by column; empty between two lines. */
let cover = new Uint16Array(0);
/** The first and the last covered pixel of each column. */
let [lows, highs] = [new Int32Array(0), new Int32Array(0)];

/** Draws a line so many pixels thick, in dashes of so many pixels with spaces between them where given. */
export function stroke(on: Pixels, path: Path, thick: number, color: number, dash: readonly [number, number] | null = null): void {
  const { width, height, data } = on;
  if (cover.length < width * height) cover = new Uint16Array(width * height);
  if (lows.length < width) [lows, highs] = [new Int32Array(width), new Int32Array(width)];
  lows.fill(height, 0, width);
  highs.fill(-1, 0, width);
  let walked = 0;
  for (let at = 1; at < path.count; at += 1) {
    const [ax, ay, bx, by] = [path.x[at - 1]!, path.y[at - 1]!, path.x[at]!, path.y[at]!];
    // What is not a number is a break: nothing is as long as it.
    const length = Math.sqrt((bx - ax) * (bx - ax) + (by - ay) * (by - ay));
    if (length > 0) segment(width, height, ax, ay, bx, by, length, thick / 2, walked, dash);
    walked = length >= 0 ? walked + length : 0;
  }
  for (let x = 0; x < width; x += 1) {
    for (let y = lows[x]!, at = x * height + y; y <= highs[x]!; y += 1, at += 1) {
      const part = cover[at]!;
      if (part === 0) continue;
      const place = y * width + x;
      data[place] = part === 256 ? color : mixed(data[place]!, color, part);
      cover[at] = 0;
    }
  }
}

/** Parts of a pixel. */
const UNIT = 4096;

/** Covers what is nearer to a piece of a line than half its thickness. Pieces that meet do not add up: it is one line. */
function segment(width: number, height: number, ax: number, ay: number, bx: number, by: number, length: number, half: number, phase: number, dash: readonly [number, number] | null): void {
  const [ux, uy] = [(bx - ax) / length, (by - ay) / length];
  // A pixel is covered in part by how far its middle is from the edge.
  const reach = half + 0.5;
  const [upper, lower] = [Math.min(ay, by) - reach, Math.max(ay, by) + reach];
  const steep = ux > 1e-6;
  const span = steep ? reach / ux : 0;
  const [on, period] = dash ? [dash[0], dash[0] + dash[1]] : [1, 1];
  const mask = cover;
  const [whole, edge, down, across] = [Math.round(length * UNIT), Math.round(reach * UNIT), Math.round(uy * UNIT), Math.round(ux * UNIT)];
  const last = Math.min(width - 1, Math.floor(bx + reach));
  for (let x = Math.max(0, Math.floor(ax - reach)); x <= last; x += 1) {
    const px = x + 0.5 - ax;
    const middle = ay + (steep ? (px * uy) / ux : 0);
    const first = Math.max(0, Math.floor(steep ? Math.max(upper, middle - span) : upper));
    const end = Math.min(height - 1, Math.floor(steep ? Math.min(lower, middle + span) : lower));
    if (end < first) continue;
    if (first < lows[x]!) lows[x] = first;
    if (end > highs[x]!) highs[x] = end;
    // How far along the piece a pixel is, and how far beside it: both grow evenly from row to row. Whole numbers are twice as fast.
    const py = first + 0.5 - ay;
    let along = Math.round((px * ux + py * uy) * UNIT);
    let beside = Math.round((py * ux - px * uy) * UNIT);
    for (let at = x * height + first, stop = x * height + end; at <= stop; at += 1, along = (along + down) | 0, beside = (beside + across) | 0) {
      // Without branches, since nobody could foresee them. Ends are square: so thin they look as if they were round.
      const far = Math.max(beside, 0 - beside, 0 - along, along - whole);
      let covered = Math.min((edge - far) >> 4, 256);
      if (dash) {
        const gone = phase + along / UNIT;
        if (gone - period * Math.floor(gone / period) > on) covered = 0;
      }
      mask[at] = Math.max(mask[at]!, covered);
    }
  }
}
