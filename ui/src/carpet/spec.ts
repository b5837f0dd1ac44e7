/** What a panel of a carpet shows, as data: its questions, how it is drawn, and what to do where there is nothing to draw. */
import type { Schema } from "../api/client.ts";

/** A question about points (docs/series.md). */
export interface MetricAsk {
  metric: string;
  filter?: string;
  /** `rate`, `avg`, `p95`, …; by the kind of the metric unless given. */
  aggregate?: string;
  /** Labels, each by its name; `agent` is who measured. */
  by?: string[];
  /** Series of their own; all others are one. */
  top?: number;
  with?: Schema<"SeriesWith">;
  /** What its series is called, where it is only one. */
  label?: string;
  /** What narrows it down on the page of a service: the service of its points, or the hosts that run it. Hosts unless given. */
  scope?: "service" | "hosts" | "none";
}

/** A question about captured rows, for what agents saw on the wire. Counts per second, or a quantile of a number. */
export interface RowsAsk {
  rows: "exchanges" | "tcp_sessions";
  filter?: string;
  by?: string;
  top?: number;
  /** `bytes` or `error_share` instead of how many. */
  measure?: "count" | "bytes" | "errors" | "error_share";
  /** A share such as 0.95: then the values are a quantile of `of` (`duration` unless given). */
  quantile?: number;
  of?: string;
  label?: string;
}

export type Ask = MetricAsk | RowsAsk;

/** What values are, and so how they are written. */
export type Unit = "count" | "about" | "rate" | "time" | "load" | "share" | "bytes" | "bytes/s" | "bits/s";

/** A figure beside the title. */
export interface Figure {
  label: string;
  ask: Ask;
  unit?: Unit;
  /** What it says, for a tooltip. */
  doc?: string;
}

/** A panel. */
export interface PanelSpec {
  /** Stable within a page: keys of the address are made of it. */
  id: string;
  title: string;
  /** What it shows, in a sentence. */
  doc: string;
  /** `light`: bars by class of speed and outcome. */
  kind: "bars" | "lines" | "light";
  asks: Ask[];
  /** Other questions to choose from: the first one is `asks`, named `main`. */
  main?: string;
  others?: { name: string; asks: Ask[] }[];
  /** What the errors lens shows in its place; without, the panel steps back. */
  errors?: Ask[];
  figures?: Figure[];
  /** What is asked in the place of `asks` where a metric has no point in the range: agents of before told less. */
  instead?: { of: string; asks: Ask[] };
  /** Of the values, where the answer's own unit does not say all: a share of time rather than seconds per second. */
  unit?: Unit;
  /** The colours of its names: by meaning where the field has one (`class`, `status`, `level`, `rating`), else by name. */
  paint?: string;
  /**
   * A metric that has a point in every window in which this one is measured: where it has none, nothing was measured, which is drawn
   * as a gap; where it has one, no point means zero. Without, a bucket without any value is a gap.
   */
  beat?: string;
  /** A metric without which this one is not configured. Where it has points and the panel has none, nothing happened. */
  basis?: string;
  /** What a click lists: rows by the answer's own drill, or what went on at that time on the same hosts. `select`: nothing is listed, the bucket is chosen. `rows` unless given. */
  drill?: "rows" | "hosts" | "select";
  /** What to do where there is nothing to show. */
  missing: string;
  /** A caution about the values, such as that percentiles do not add up. */
  note?: string;
  /** Where its title leads: a layer. */
  layer?: string;
  /** As wide as the page. */
  wide?: boolean;
}

/** Whether a question is about captured rows. */
export function isRows(ask: Ask): ask is RowsAsk {
  return "rows" in ask;
}
