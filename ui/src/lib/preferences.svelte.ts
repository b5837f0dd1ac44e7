/** What a person likes: kept by the server per user, mirrored here so that nothing flashes at the start. */
import { checked } from "../api/client.ts";

const PLACE = "arachne.preferences";

interface Kept {
  theme: "" | "light" | "dark";
  density: "compact" | "cosy";
  /** `browser`, `UTC`, or the name of a zone. */
  zone: string;
  /** Width of the side panel in pixels. */
  side: number;
  /** Height of the timeline in pixels. */
  timeline: number;
  /** Columns by view. */
  columns: Record<string, string[]>;
  /** Widths of columns in pixels, by view and alias. */
  widths: Record<string, number>;
  /** Fields of the facets by view: those that stand there, an open one with `+` in front. */
  facets: Record<string, string[]>;
  /** Whether single keys do something (WCAG 2.1.4). */
  keys: boolean;
}

const DEFAULTS: Kept = {
  theme: "", density: "compact", zone: "browser", side: 560, timeline: 132, columns: {}, widths: {}, facets: {}, keys: true,
};

function mirrored(): Partial<Kept> {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(PLACE) ?? "{}");
    return typeof kept === "object" && kept !== null ? kept : {};
  } catch {
    return {};
  }
}

class Preferences {

  value: Kept = $state({ ...DEFAULTS, ...mirrored() });
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Changes some of them: at once here, a moment later on the server. */
  set(change: Partial<Kept>): void {
    Object.assign(this.value, change);
    this.show();
    const text = JSON.stringify(this.value);
    try {
      localStorage.setItem(PLACE, text);
    } catch {
      // A browser that keeps nothing: the server does.
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      void fetch("/api/v1/preferences", { method: "PUT", headers: { "content-type": "application/json" }, body: text })
        .catch(() => undefined); // Kept here; the next change tries again.
    }, 800);
  }

  /** Takes what the server keeps. */
  async load(): Promise<void> {
    const response = await checked(fetch("/api/v1/preferences"));
    const kept: unknown = await response.json();
    if (typeof kept === "object" && kept !== null && !Array.isArray(kept)) Object.assign(this.value, kept);
    this.show();
  }

  /** The theme that is shown: that of the address, else the chosen one, else the system's. */
  theme(): "light" | "dark" {
    const forced = new URLSearchParams(location.search).get("theme");
    const wished = forced === "light" || forced === "dark" ? forced : this.value.theme;
    return wished || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  }

  /** The other theme than the one that is seen, whoever chose that; the settings lead back to the system's. */
  otherTheme(): "light" | "dark" {
    return this.theme() === "dark" ? "light" : "dark";
  }

  /** Puts theme and density where the styles look. */
  show(): void {
    const { dataset } = document.documentElement;
    dataset["theme"] = this.theme();
    dataset["density"] = this.value.density;
  }
}
export const preferences = new Preferences();
