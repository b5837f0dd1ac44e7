/** What is the same and what is not between exchanges that are compared. Pure. */

/** A line of several texts beside each other; null where one has none. */
export interface Aligned {
  cells: (string | null)[];
  same: boolean;
}

/** Header lines by name, in the order of the first text that has them; repeated names stay in order. */
export function alignHeaders(sides: readonly (readonly { name: string; value: string }[])[]): (Aligned & { name: string })[] {
  const keys: string[] = [];
  const values = sides.map((lines) => {
    const seen = new Map<string, number>();
    const out = new Map<string, string>();
    for (const line of lines) {
      const name = line.name.toLowerCase();
      const nth = seen.get(name) ?? 0;
      seen.set(name, nth + 1);
      const key = `${name}\n${nth}`;
      if (!keys.includes(key)) keys.push(key);
      out.set(key, line.value);
    }
    return out;
  });
  return keys.map((key) => row(values.map((of) => of.get(key) ?? null), key.split("\n")[0]!));
}

function row(cells: (string | null)[], name: string): Aligned & { name: string } {
  return { name, cells, same: cells.every((cell) => cell === cells[0]) };
}

/** At most so many lines are aligned: the table of the longest common subsequence grows with their square. */
export const LINES_MAX = 400;

/** Aligns each text with the first by their longest common subsequence. */
export function alignLines(texts: readonly (readonly string[])[]): Aligned[] {
  const [base = [], ...others] = texts.map((lines) => lines.slice(0, LINES_MAX));
  const slots = others.map((lines) => against(base, lines));
  const out: Aligned[] = [];
  for (let at = 0; at <= base.length; at += 1) {
    // What the others have in front of this line and the first has not.
    const extra = Math.max(0, ...slots.map((slot) => slot[at]!.before.length));
    for (let nth = 0; nth < extra; nth += 1) {
      out.push({ cells: [null, ...slots.map((slot) => slot[at]!.before[nth] ?? null)], same: false });
    }
    if (at === base.length) break;
    const cells = [base[at]!, ...slots.map((slot) => (slot[at]!.matched ? base[at]! : null))];
    out.push({ cells, same: cells.every((cell) => cell !== null) });
  }
  return paired(out);
}

interface Slot {
  /** Lines of the other that stand in front of this line of the first. */
  before: string[];
  matched: boolean;
}

function against(base: readonly string[], other: readonly string[]): Slot[] {
  const wide = other.length + 1;
  const table = new Uint16Array((base.length + 1) * wide);
  for (let a = base.length - 1; a >= 0; a -= 1) {
    for (let b = other.length - 1; b >= 0; b -= 1) {
      table[a * wide + b] = base[a] === other[b] ? table[(a + 1) * wide + b + 1]! + 1 : Math.max(table[(a + 1) * wide + b]!, table[a * wide + b + 1]!);
    }
  }
  const slots: Slot[] = Array.from({ length: base.length + 1 }, () => ({ before: [], matched: false }));
  let [a, b] = [0, 0];
  while (a < base.length && b < other.length) {
    if (base[a] === other[b]) {
      slots[a]!.matched = true;
      a += 1;
      b += 1;
    } else if (table[(a + 1) * wide + b]! > table[a * wide + b + 1]!) a += 1;
    else slots[a]!.before.push(other[b++]!);
  }
  slots[base.length]!.before.push(...other.slice(b));
  return slots;
}

/** Puts lines that only one side has beside each other where they meet: a changed line is one row, not two. */
function paired(rows: Aligned[]): Aligned[] {
  const out: Aligned[] = [];
  for (let at = 0; at < rows.length; at += 1) {
    if (rows[at]!.cells.filter((cell) => cell !== null).length > 1) {
      out.push(rows[at]!);
      continue;
    }
    let end = at;
    while (end + 1 < rows.length && rows[end + 1]!.cells.filter((cell) => cell !== null).length === 1) end += 1;
    const run = rows.slice(at, end + 1);
    const columns = run[0]!.cells.map((_, side) => run.map((row) => row.cells[side] ?? null).filter((cell) => cell !== null));
    const tall = Math.max(...columns.map((column) => column.length));
    for (let nth = 0; nth < tall; nth += 1) out.push({ cells: columns.map((column) => column[nth] ?? null), same: false });
    at = end;
  }
  return out;
}
