/** A sequence diagram as text for Mermaid. What was captured is hostile there, too: it becomes plain words. */
import { duration } from "../../lib/format.ts";
import type { Cast } from "../calls/actors.ts";
import { endOf, labelOf } from "../calls/rows.ts";
import { timed } from "./scale.ts";

/** More than this no one reads, and Mermaid refuses. */
export const ARROWS_MAX = 200;

export function mermaid(cast: Cast, templates: boolean): string {
  const arrows = cast.arrows.slice(0, ARROWS_MAX);
  const used = new Set(arrows.flatMap((arrow) => [arrow.from, arrow.to]));
  const lines = ["sequenceDiagram"];
  cast.actors.forEach((name, at) => {
    if (used.has(at)) lines.push(`  participant a${at} as ${plain(name)}`);
  });
  for (const event of timed(arrows, "sequential").events) {
    const { call, from, to } = event.arrow;
    if (!event.answer) lines.push(`  a${from}->>a${to}: ${plain(labelOf(call, templates))}`);
    else lines.push(`  a${to}${call.class === "error" ? "--x" : "-->>"}a${from}: ${call.status ?? "no answer"}, ${duration(endOf(call) - call.start)}`);
  }
  return `${lines.join("\n")}\n`;
}

/** Letters that mean something to Mermaid, and all that is not printed, by their numbers. */
export function plain(text: string): string {
  const cut = text.length > 120 ? `${text.slice(0, 119)}…` : text;
  return cut.replace(/[\p{C}\p{Z}]/gu, " ").replace(/[#;:<>"'`%{}|\\[\]()]/g, (letter) => `#${letter.charCodeAt(0)};`);
}
