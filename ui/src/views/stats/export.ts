/** What a table shows, as a file: CSV in which no cell is a formula, or an object a line. */
import type { Column, Line } from "../parts/table.ts";

/** Spreadsheets take what begins so for a formula. */
const FORMULA = /^[\s]*[=+\-@\t\r]/;

function csvCell(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = String(value);
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n;]/.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Raw values: nanoseconds, bytes, shares from 0 to 1; the head says which. */
export function toCsv(columns: readonly Column[], lines: readonly Line[]): string {
  const unit = (column: Column) => ({ duration: " (ns)", bytes: " (B)", percent: " (share)", rate: " (1/s)" } as Record<string, string>)[column.kind] ?? "";
  const head = columns.map((column) => csvCell(column.label + unit(column))).join(",");
  return [head, ...lines.map((line) => columns.map((column) => csvCell(line.cells[column.key])).join(","))].join("\r\n") + "\r\n";
}

export function toNdjson(columns: readonly Column[], lines: readonly Line[]): string {
  return lines.map((line) => JSON.stringify(Object.fromEntries([
    ...(line.fixed ? [["row", line.id]] : []), ...columns.map((column) => [column.label, line.cells[column.key] ?? null]),
  ]))).join("\n") + "\n";
}

/** Hands a file to the browser. */
export function save(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
