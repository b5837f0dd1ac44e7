/** What stands before and after an opened row: whoever lists rows fills it, the detail steps through it. */

class Neighbours {
  /** The rows in the order of the list, as the address calls them when they are open (`x`). */
  ids: string[] = $state.raw([]);

  /** What stands so many rows further on; null at the ends, or when the list does not know `id`. */
  step(id: string, by: number): string | null {
    const at = this.ids.indexOf(id);
    return at < 0 ? null : (this.ids[at + by] ?? null);
  }
}
export const neighbours = new Neighbours();
