/** A canvas that is sharp on every screen: sizes in CSS pixels, drawn in device pixels. */

/** What is drawn on: device pixels with `ratio` of them to a CSS pixel. */
export interface Surface {
  context: CanvasRenderingContext2D;
  /** Device pixels. */
  width: number;
  height: number;
  ratio: number;
}

/** Fits a canvas to a size in CSS pixels and clears it. */
export function surface(canvas: HTMLCanvasElement, width: number, height: number): Surface {
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d")!;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, w, h);
  return { context, width: w, height: h, ratio };
}

/** Keeps `size` at the size of an element: `<div use:measured={(w, h) => …}>`. */
export function measured(element: HTMLElement, report: (width: number, height: number) => void): { destroy: () => void } {
  const observer = new ResizeObserver(() => report(element.clientWidth, element.clientHeight));
  observer.observe(element);
  report(element.clientWidth, element.clientHeight);
  return { destroy: () => observer.disconnect() };
}

const hatches = new Map<string, CanvasPattern>();

/** Diagonal lines of a colour, the second channel beside colour itself: errors, and what was not seen. */
export function hatch(context: CanvasRenderingContext2D, color: string, line: string, ratio: number): CanvasPattern {
  const key = `${color} ${line} ${ratio}`;
  const known = hatches.get(key);
  if (known) return known;
  const size = Math.round(6 * ratio);
  const tile = document.createElement("canvas");
  tile.width = size;
  tile.height = size;
  const pen = tile.getContext("2d")!;
  pen.fillStyle = color;
  pen.fillRect(0, 0, size, size);
  pen.strokeStyle = line;
  pen.lineWidth = ratio;
  pen.beginPath();
  for (const shift of [-size, 0, size]) {
    pen.moveTo(shift, size);
    pen.lineTo(shift + size, 0);
  }
  pen.stroke();
  const pattern = context.createPattern(tile, "repeat")!;
  hatches.set(key, pattern);
  return pattern;
}
