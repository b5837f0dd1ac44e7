/** What is under the pointer on the map. */
import { type Camera, curve, pointOn } from "./shape.ts";
import type { Graph } from "./graph.ts";
import type { Layout, Place } from "./layout.ts";

const NEAR = 7;
const PIECES = 24;
/** Pixels around the outermost nodes. */
const [SIDE, ABOVE, BELOW, LEGEND] = [84, 34, 58, 20];

/** The node (else the edge) at a pixel; -1 for none. */
export function hit(graph: Graph, places: readonly Place[], radii: readonly number[], camera: Camera, x: number, y: number): { node: number; edge: number } {
  const at = { x: (x - camera.left) / camera.zoom, y: (y - camera.top) / camera.zoom };
  const reach = NEAR / camera.zoom;
  let node = -1;
  let best = Infinity;
  places.forEach((place, place_) => {
    const far = Math.hypot(place.x - at.x, place.y - at.y) - radii[place_]!;
    if (far < Math.min(best, reach)) [node, best] = [place_, far];
  });
  if (node >= 0) return { node, edge: -1 };
  let edge = -1;
  best = reach;
  graph.edges.forEach((one, place) => {
    const [from, to] = [places[one.from]!, places[one.to]!];
    const c = curve(from, to, radii[one.from]!, radii[one.to]!);
    const slack = reach + 4;
    const [xs, ys] = [[c[0], c[2], c[4], c[6]], [c[1], c[3], c[5], c[7]]];
    if (at.x < Math.min(...xs) - slack || at.x > Math.max(...xs) + slack || at.y < Math.min(...ys) - slack || at.y > Math.max(...ys) + slack) return;
    let last = pointOn(c, 0);
    for (let piece = 1; piece <= PIECES; piece += 1) {
      const next = pointOn(c, piece / PIECES);
      const far = toPiece(at, last, next);
      if (far < best) [edge, best] = [place, far];
      last = next;
    }
  });
  return { node: -1, edge };
}

function toPiece(at: Place, a: Place, b: Place): number {
  const [dx, dy] = [b.x - a.x, b.y - a.y];
  const long = dx * dx + dy * dy;
  const t = long === 0 ? 0 : Math.max(0, Math.min(1, ((at.x - a.x) * dx + (at.y - a.y) * dy) / long));
  return Math.hypot(a.x + t * dx - at.x, a.y + t * dy - at.y);
}

/** A camera that shows all, never larger than life. */
export function fitted(layout: Layout, places: readonly Place[], width: number, whole: number): Camera {
  if (places.length === 0) return { zoom: 1, left: 0, top: 0 };
  // Names keep their size on the screen, so what is left around is in pixels; the legend stands below.
  const height = whole - LEGEND;
  const xs = places.map((place) => place.x);
  const ys = places.map((place) => place.y);
  const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const most = layout.places.length > 12 ? 1.15 : 1.4;
  const zoom = Math.max(0.05, Math.min(most, (width - 2 * SIDE) / Math.max(1, x1 - x0), (height - ABOVE - BELOW) / Math.max(1, y1 - y0)));
  return { zoom, left: (width - (x0 + x1) * zoom) / 2, top: (height - (y0 + y1) * zoom + ABOVE - BELOW) / 2 };
}

/** The node that lies furthest in the direction of an arrow key yet nearest. */
export function neighbour(places: readonly Place[], from: number, key: string): number {
  const at = places[from];
  if (!at) return places.length > 0 ? 0 : -1;
  const dx = key === "ArrowLeft" ? -1 : key === "ArrowRight" ? 1 : 0;
  const dy = key === "ArrowUp" ? -1 : key === "ArrowDown" ? 1 : 0;
  let best = from;
  let least = Infinity;
  places.forEach((place, to) => {
    const [x, y] = [place.x - at.x, place.y - at.y];
    const ahead = x * dx + y * dy;
    if (to === from || ahead <= 1) return;
    const far = ahead + 2 * Math.abs(x * dy + y * dx);
    if (far < least) [best, least] = [to, far];
  });
  return best;
}
