/** Rows that were marked: kept over searches, for comparing and exporting. */

/** A marked row: its id and what the grid showed of it. */
export interface Marked {
  id: string;
  label: string;
}

class Selection {
  rows: Marked[] = $state.raw([]);
  ids = $derived(new Set(this.rows.map((row) => row.id)));

  toggle(row: Marked): void {
    this.rows = this.ids.has(row.id) ? this.rows.filter((other) => other.id !== row.id) : [...this.rows, row];
  }

  clear(): void {
    this.rows = [];
  }
}
export const selection = new Selection();
