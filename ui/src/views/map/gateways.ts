/** Addresses that ask for others: reverse proxies and load balancers. */
import type { AnswerOf } from "../../api/ask.svelte.ts";

/** Most of what a gateway asks, it asks for somebody else; a service that calls others now and then with their header is none. */
const SHARE = 0.9;
const MOST = 100;

type Top = Pick<AnswerOf<"top">, "rows">;

/** Whom each of them asks for. */
export function forwardsOf(top: Top): Map<string, Set<string>> {
  const out = new Map(gatewaysOf(top).map((address) => [address, new Set<string>()]));
  for (const row of top.rows) {
    const [client, origin] = [String(row.key[0] ?? ""), String(row.key[1] ?? "")];
    if (origin && origin !== client) out.get(client)?.add(origin);
  }
  return out;
}

/**
 * From calls by client and origin, and by client and address: those that forward, but for those that are reached through others
 * that do, since a service behind a gateway hands the header on.
 */
export function gatewaysOf(top: Top, reach?: Top): string[] {
  const all = new Map<string, { count: number; forwarded: number }>();
  for (const [client, origin, count] of cells(top)) {
    const sums = all.get(client) ?? { count: 0, forwarded: 0 };
    sums.count += count;
    if (origin && origin !== client) sums.forwarded += count;
    all.set(client, sums);
  }
  const forwarding = new Set([...all].filter(([, sums]) => sums.forwarded >= sums.count * SHARE && sums.forwarded > 0).map(([address]) => address));
  const reached = new Map<string, { count: number; through: number }>();
  for (const [client, address, count] of reach ? cells(reach) : []) {
    const sums = reached.get(address) ?? { count: 0, through: 0 };
    sums.count += count;
    if (forwarding.has(client)) sums.through += count;
    reached.set(address, sums);
  }
  return [...forwarding].filter((address) => {
    const sums = reached.get(address);
    return !sums || sums.through < sums.count / 2;
  }).slice(0, MOST);
}

/** Rows of a top by two fields: both values, and how many. */
function cells(top: Top): [string, string, number][] {
  return top.rows.map((row): [string, string, number] => [String(row.key[0] ?? ""), String(row.key[1] ?? ""), row.count]).filter(([first]) => first !== "");
}
