/** The layers of a system, from the user inwards. */
export const LAYERS = ["browser", "edge", "app", "db", "network", "os"] as const;
export type Layer = (typeof LAYERS)[number];
/** What they are called. */
export const LAYER_NAMES: Record<Layer, string> = { browser: "Browser", edge: "Edge", app: "Application", db: "Database", network: "Network", os: "OS" };

/** Bytes of a text as a name: what collectors cut statements at. */
const NAME_BYTES = 200;

/** What a text is called in series: its beginning. */
export function nameOfText(text: string): string {
  const bytes = new TextEncoder().encode(text).subarray(0, NAME_BYTES);
  // As a part of a stream, a letter that is cut is left out.
  return new TextDecoder().decode(bytes, { stream: true }).trimEnd();
}
