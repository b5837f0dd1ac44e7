/** Colours for canvases: read from the theme's variables, again whenever the theme changes. */
import { type ColorName, NAMES, paint } from "./palette.ts";

export { CLASSES, type ColorName, paint, statusColor } from "./palette.ts";

let ink: CanvasRenderingContext2D | undefined;

class Colors {
  /** Every colour by name, as CSS text; opaque ones as `#rrggbb`. */
  of: Record<ColorName, string> = $state.raw(read());
  font = $state.raw("");

  constructor() {
    const again = () => {
      this.of = read();
    };
    new MutationObserver(again).observe(document.documentElement, { attributeFilter: ["data-theme", "data-density"] });
  }
}

function read(): Record<ColorName, string> {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(NAMES.map((name) => [name, long(style.getPropertyValue(`--${name}`).trim())])) as Record<ColorName, string>;
}

/** A colour as a canvas writes it: builds shorten `#ffffff` to `#fff`. */
function long(color: string): string {
  ink ??= document.createElement("canvas").getContext("2d")!;
  ink.fillStyle = color;
  return ink.fillStyle;
}

export const colors = new Colors();

/** The colour of a value as a variable of the theme, where its field has colours of meaning; else that of quiet bars. */
export function tintOf(field: string, value: unknown): string {
  const meant = field === "class" || field === "http.response.status_code" || field === "status";
  return meant && value !== null ? `var(--${paint(field, [String(value)])[0]})` : "var(--line-strong)";
}
