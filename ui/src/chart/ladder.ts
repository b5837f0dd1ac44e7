/** Draws segments between two ends: a ladder (time goes down, one row each), and sequence numbers over time. */
import type { Surface } from "./surface.ts";

export interface Rung {
  /** `+84.6 ms`. */
  time: string;
  /** Time since the rung before is long: said in bold, and the lanes are dashed. */
  pause: boolean;
  /** From the client, to the right. */
  right: boolean;
  text: string;
  note: string;
  bad: boolean;
  /** Belongs to what is looked at; all else is paler. */
  within: boolean;
}

export interface LadderLook {
  text: string;
  muted: string;
  line: string;
  sent: string;
  received: string;
  bad: string;
  badText: string;
  hover: string;
  selected: string;
  font: string;
}

/** Where the lanes stand, in CSS pixels. */
export function lanes(width: number): { left: number; right: number } {
  const left = 84;
  return { left, right: Math.max(left + 120, Math.min(width - (width > 480 ? 190 : 112), left + 420)) };
}

/** Draws the rungs from `first` on; `shift` is how far the first one is scrolled out, in CSS pixels. */
export function drawLadder(on: Surface, rungs: readonly Rung[], first: number, shift: number, height: number, hovered: number, selected: number, look: LadderLook): void {
  const { context: pen, ratio } = on;
  pen.save();
  pen.scale(ratio, ratio);
  const width = on.width / ratio;
  const tall = on.height / ratio;
  const { left, right } = lanes(width);
  pen.font = look.font;
  pen.textBaseline = "middle";
  for (let at = first; at < rungs.length && (at - first) * height - shift < tall; at += 1) {
    const rung = rungs[at]!;
    const top = (at - first) * height - shift;
    const y = Math.round(top + height / 2) + 0.5;
    if (at === hovered || at === selected) {
      pen.fillStyle = at === selected ? look.selected : look.hover;
      pen.fillRect(0, top, width, height);
    }
    pen.globalAlpha = rung.within ? 1 : 0.45;
    pen.strokeStyle = look.line;
    pen.lineWidth = 1;
    pen.setLineDash(rung.pause ? [2, 3] : []);
    for (const x of [left, right]) {
      pen.beginPath();
      pen.moveTo(x + 0.5, top);
      pen.lineTo(x + 0.5, top + height);
      pen.stroke();
    }
    pen.textAlign = "right";
    pen.fillStyle = rung.pause ? look.text : look.muted;
    pen.fillText(rung.time, left - 8, y);
    arrow(pen, rung, left, right, y, look);
    pen.textAlign = "left";
    pen.fillStyle = rung.bad ? look.badText : look.muted;
    pen.fillText(rung.note, right + 10, y, width - right - 14);
    pen.globalAlpha = 1;
  }
  pen.restore();
}

function arrow(pen: CanvasRenderingContext2D, rung: Rung, left: number, right: number, y: number, look: LadderLook): void {
  const color = rung.bad ? look.bad : rung.right ? look.sent : look.received;
  const [from, to] = rung.right ? [left, right] : [right, left];
  const way = rung.right ? 1 : -1;
  pen.strokeStyle = color;
  pen.fillStyle = color;
  pen.lineWidth = 1.25;
  pen.setLineDash(rung.bad ? [5, 3] : []);
  const textWidth = Math.min(pen.measureText(rung.text).width, right - left - 40);
  const middle = (left + right) / 2;
  pen.beginPath();
  pen.moveTo(from, y);
  pen.lineTo(middle - way * (textWidth / 2 + 5), y);
  pen.moveTo(middle + way * (textWidth / 2 + 5), y);
  pen.lineTo(to - way, y);
  pen.stroke();
  pen.setLineDash([]);
  pen.beginPath();
  pen.moveTo(to, y);
  pen.lineTo(to - way * 7, y - 3.5);
  pen.lineTo(to - way * 7, y + 3.5);
  pen.fill();
  pen.textAlign = "center";
  pen.fillText(rung.text, middle, y, right - left - 40);
}

/** A segment in the picture of sequence over time. */
export interface Sequenced {
  /** Nanoseconds. */
  at: number;
  seq: number;
  length: number;
  bad: boolean;
}

/** What part of the picture is shown. */
export interface SequenceView {
  from: number;
  to: number;
  top: number;
}

/** Draws data as upright strokes from the first to the last byte of each segment, and acknowledgements as a staircase. */
export function drawSequence(on: Surface, data: readonly Sequenced[], acks: readonly { at: number; ack: number }[], view: SequenceView, colors: { data: string; ack: string; bad: string }): void {
  const { context: pen, width, height, ratio } = on;
  const x = (at: number) => ((at - view.from) / (view.to - view.from)) * width;
  const y = (seq: number) => height - (seq / view.top) * height;
  pen.strokeStyle = colors.ack;
  pen.lineWidth = ratio;
  pen.beginPath();
  let before: number | null = null;
  for (const { at, ack } of acks) {
    if (at > view.to) break;
    if (before === null || ack < before) pen.moveTo(x(at), y(ack));
    else {
      pen.lineTo(x(at), y(before));
      pen.lineTo(x(at), y(ack));
    }
    before = Math.max(before ?? 0, ack);
  }
  pen.stroke();
  for (const bad of [false, true]) {
    pen.fillStyle = bad ? colors.bad : colors.data;
    const thick = Math.max(1, Math.round((bad ? 3 : 2) * ratio));
    for (const each of data) {
      if (each.bad !== bad || each.at < view.from || each.at > view.to) continue;
      const top = y(each.seq + each.length);
      pen.fillRect(Math.round(x(each.at) - thick / 2), top, thick, Math.max(2 * ratio, y(each.seq) - top));
    }
  }
}
