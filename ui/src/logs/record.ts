/** A kept line of a log, as its detail and the list around it show it. Pure. */
import type { Cell, Schema } from "../api/client.ts";

/** What is asked of it. */
export const COLUMNS = [
  "start", "id", "agent", "log.file.path", "log.file.offset", "service", "level", "log.code", "log.template", "message", "fields", "request.id", "weight",
] as const;
type Column = (typeof COLUMNS)[number];

/** A line. */
export type Line = Record<Column, Cell>;

/** The rows of an answer as lines. */
export function linesOf(answer: Pick<Schema<"ListAnswer">, "columns" | "rows">): Line[] {
  const places = new Map(answer.columns.map((column, at) => [column.name, at]));
  return answer.rows.map((row) => Object.fromEntries(COLUMNS.map((name) => [name, row[places.get(name) ?? -1] ?? null])) as Line);
}

/** Fields that were taken out of a line. */
export function fieldsOf(text: Cell): { name: string; value: string }[] {
  return String(text ?? "").split("\n").filter((line) => line !== "").map((line) => {
    const at = line.indexOf(": ");
    return at < 0 ? { name: line, value: "" } : { name: line.slice(0, at), value: line.slice(at + 2) };
  });
}

/** The first line of a message, and how many more there are. */
export function headOf(message: string): { head: string; more: number } {
  const lines = message.trimEnd().split("\n");
  return { head: lines[0] ?? "", more: lines.length - 1 };
}
