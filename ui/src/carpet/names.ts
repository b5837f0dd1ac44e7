/** The layers of a system, from the user inwards. */
export const LAYERS = ["browser", "edge", "app", "db", "network", "os"] as const;
export type Layer = (typeof LAYERS)[number];
/** What they are called. */
export const LAYER_NAMES: Record<Layer, string> = { browser: "Browser", edge: "Edge", app: "Application", db: "Database", network: "Network", os: "OS" };
