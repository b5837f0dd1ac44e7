/** The system's own figures as panels: whatever metrics it measures of itself, as they come. Pure. */
import type { Section } from "../carpet/layers.ts";
import type { PanelSpec } from "../carpet/spec.ts";
import type { Schema } from "../api/client.ts";

/** What the names of our own metrics begin with. */
export const OWN = "arachne.";

/** The processes of servers, as agents on their hosts see them. */
const SERVER = "label.process:arachne";
const seen = { kind: "bars", drill: "hosts", beat: "process.count", basis: "process.count", missing: "No process of a server was measured in this range." } as const;
/** What servers take of their hosts. */
export const SERVER_PANELS: Section[] = [{
  title: "What it takes of its host",
  needs: { metric: "process.count", missing: "No agent measures the host of a server in this range. Add one there, and processor time, memory and disks of the server are shown here." },
  panels: [
    { ...seen, id: "server-cpu", title: "CPU", doc: "Cores that servers take.", unit: "load", asks: [{ metric: "process.cpu.time", filter: SERVER, by: ["agent"] }] },
    { ...seen, id: "server-memory", title: "Memory", doc: "Resident memory of servers.", asks: [{ metric: "process.memory.usage", filter: SERVER, by: ["agent"], aggregate: "level" }] },
    { ...seen, id: "server-disk", title: "Disk", doc: "Read and written per second.", asks: [{ metric: "process.disk.io", filter: SERVER, by: ["agent", "direction"] }] },
    { ...seen, id: "server-delay", title: "Waiting for a CPU", doc: "How long threads of servers waited for a CPU, per second.", asks: [{ metric: "process.cpu.delay", filter: SERVER, by: ["agent"] }] },
  ],
}];

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
