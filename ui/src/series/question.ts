/** The series explorer: what its address says as a panel, and as commands for elsewhere. Pure. */
import type { MetricAsk, PanelSpec } from "../carpet/spec.ts";
import type { Schema } from "../api/client.ts";
import { both } from "../lib/filter.ts";

export type Metric = Schema<"MetricFacts">;

/** What the settings of the page say (`o.*` of its address). */
export interface Chosen {
  metric: string;
  /** Empty: by the kind of the metric. */
  aggregate: string;
  by: string[];
  top: number;
  operator: "" | Schema<"Operator">;
  other: string;
  otherFilter: string;
  otherAggregate: string;
  kind: "lines" | "bars";
}

const OPERATORS: readonly string[] = ["divide", "subtract", "add", "multiply"];
export const TOPS = [3, 5, 8, 15, 30];

/** Reads them; what makes no sense is left out. */
export function chosen(opt: Record<string, string>): Chosen {
  const [operator = "", ...rest] = (opt["with"] ?? "").split(":");
  const top = Number(opt["top"] ?? "");
  const known = OPERATORS.includes(operator) && rest.length > 0 ? (operator as Chosen["operator"]) : "";
  return {
    metric: opt["m"] ?? "", aggregate: opt["agg"] ?? "", by: (opt["by"] ?? "").split(",").filter((name) => name !== ""),
    top: Number.isInteger(top) && top > 0 && top <= 1000 ? top : 8, operator: known, other: known ? rest.join(":") : "",
    otherFilter: opt["wq"] ?? "", otherAggregate: opt["wagg"] ?? "", kind: opt["kind"] === "bars" ? "bars" : "lines",
  };
}

/** Aggregates that say something of a kind of metric; the first is what is meant unless another is chosen. */
export function aggregatesOf(kind: string): string[] {
  if (kind === "gauge") return ["avg", "level", "max", "min", "last"];
  if (kind === "histogram") return ["p95", "p50", "p75", "p90", "p99", "p99.9", "p100", "rate", "sum", "count", "avg"];
  return kind === "distinct" ? ["distinct"] : ["rate", "sum", "count", "avg"];
}

/** Whether the values of its series may be stacked: their sum is that of the whole. */
export function stacks(of: Chosen, kind: string): boolean {
  const aggregate = of.aggregate || aggregatesOf(kind)[0]!;
  return of.operator !== "divide" && of.operator !== "multiply" && ["rate", "sum", "count", "level", "last"].includes(aggregate);
}

/** The panel that shows it; null while no metric is chosen. */
export function panelOf(of: Chosen, kind: string): PanelSpec | null {
  if (of.metric === "") return null;
  const ask: MetricAsk = {
    metric: of.metric, by: of.by, top: of.top, scope: "none", label: of.metric,
    ...(of.aggregate ? { aggregate: of.aggregate } : {}),
    ...(of.operator ? { with: { operator: of.operator, metric: of.other, filter: of.otherFilter, ...(of.otherAggregate ? { aggregate: of.otherAggregate } : {}) } } : {}),
  };
  const words = `${of.aggregate || aggregatesOf(kind)[0]!} of ${of.metric}${of.operator ? ` ${SIGNS[of.operator]} ${of.other}` : ""}`;
  return {
    id: "series", title: words, doc: words, kind: of.kind === "bars" && stacks(of, kind) ? "bars" : "lines", asks: [ask], wide: true,
    ...(of.by[0] ? { paint: of.by[0] } : {}),
    missing: "No point of it in this range, or none that passes the filter. Take a longer range, or leave terms out.",
  };
}

export const SIGNS: Record<Schema<"Operator">, string> = { divide: "/", subtract: "−", add: "+", multiply: "×" };

/** The question as the API takes it. */
export function body(of: Chosen, filter: string, at: { from: string; to: string }, step: string, compare: Schema<"Compare"> | null, zone: string): Schema<"SeriesQuery"> {
  return {
    metric: of.metric, ...(filter ? { filter } : {}), ...(of.aggregate ? { aggregate: of.aggregate } : {}), from: at.from, to: at.to, step,
    ...(of.by.length > 0 ? { by: of.by } : {}), top: of.top,
    ...(of.operator ? { with: { operator: of.operator, metric: of.other, filter: both(of.otherFilter, filter), ...(of.otherAggregate ? { aggregate: of.otherAggregate } : {}) } } : {}),
    ...(compare ? { compare, ...(zone ? { zone } : {}) } : {}),
  } as Schema<"SeriesQuery">;
}

/** A word of a shell, in quotes where it needs some. */
export function shell(word: string): string {
  return /^[A-Za-z0-9_./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The same as a command of curl. */
export function curl(origin: string, question: Schema<"SeriesQuery">): string {
  return `curl -sS ${shell(`${origin}/api/v1/series`)} -H 'content-type: application/json' -d ${shell(JSON.stringify(question))}`;
}

/** The same for the command line of the server. */
export function command(question: Schema<"SeriesQuery">): string {
  const parts = ["arachne", "series", question.metric ?? "", ...(question.filter ? [question.filter] : [])];
  const add = (name: string, value: unknown) => {
    if (value !== undefined && value !== null && value !== "") parts.push(name, String(value));
  };
  add("--aggregate", question.aggregate);
  if (question.with) parts.push("--with", question.with.operator, question.with.metric);
  add("--with-filter", question.with?.filter);
  add("--with-aggregate", question.with?.aggregate);
  for (const label of question.by ?? []) add("--by", label);
  add("--top", question.top);
  add("--step", question.step);
  add("--from", question.from);
  add("--to", question.to);
  add("--compare", question.compare);
  add("--zone", question.zone);
  return parts.map(shell).join(" ");
}

/** Metrics that are looked for: every word must be in the name, a label or the unit. */
export function found(metrics: readonly Metric[], search: string): Metric[] {
  const words = search.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const fits = (metric: Metric) => {
    const text = `${metric.name} ${metric.metric_kind} ${metric.unit} ${metric.labels.map((label) => label.name).join(" ")}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
  return metrics.filter(fits).sort((a, b) => Number(b.name.startsWith(search)) - Number(a.name.startsWith(search)) || a.name.localeCompare(b.name));
}

/** The part of a name before its first dot: under what it is listed. */
export function familyOf(name: string): string {
  return name.split(".")[0]!;
}
