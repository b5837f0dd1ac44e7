/** The system's own figures as panels: whatever metrics it measures of itself, as they come. Pure. */
import type { PanelSpec } from "../carpet/spec.ts";
import type { Schema } from "../api/client.ts";

/** What the names of our own metrics begin with. */
export const OWN = "arachne.";

/** A panel for each metric; those with most series last. Labels split it where they have several values. */
export function panelsOf(metrics: readonly Schema<"MetricFacts">[]): PanelSpec[] {
  return metrics.filter((metric) => metric.name.startsWith(OWN)).map((metric) => {
    const label = [...metric.labels].filter((one) => one.values > 1).sort((a, b) => a.values - b.values)[0];
    const adds = metric.metric_kind === "counter";
    const by = label ? [label.name] : metric.agents > 1 ? ["agent"] : [];
    return {
      id: metric.name, title: metric.name.slice(OWN.length), doc: `${metric.name}: ${metric.metric_kind} of ${metric.unit}.`, kind: adds ? ("bars" as const) : ("lines" as const),
      asks: [{ metric: metric.name, by, top: 8, scope: "none" as const, label: metric.name.slice(OWN.length) }],
      ...(by[0] ? { paint: by[0] } : {}), missing: "No point of it in this range.",
    };
  });
}
