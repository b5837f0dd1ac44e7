/** Addresses that ask for others: reverse proxies and load balancers. */
import type { AnswerOf } from "../../api/ask.svelte.ts";

/** Most of what a gateway asks, it asks for somebody else; a service that calls others now and then with their header is none. */
const SHARE = 0.9;
const MOST = 100;

/** From calls by client and origin. */
export function gatewaysOf(top: Pick<AnswerOf<"top">, "rows">): string[] {
  const all = new Map<string, { count: number; forwarded: number }>();
  for (const row of top.rows) {
    const [client, origin] = [row.key[0], row.key[1]].map((cell) => (cell === null || cell === undefined ? "" : String(cell)));
    if (!client) continue;
    const sums = all.get(client) ?? { count: 0, forwarded: 0 };
    sums.count += row.count;
    if (origin && origin !== client) sums.forwarded += row.count;
    all.set(client, sums);
  }
  return [...all].filter(([, sums]) => sums.forwarded >= sums.count * SHARE && sums.forwarded > 0).map(([address]) => address).slice(0, MOST);
}
