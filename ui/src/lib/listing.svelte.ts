/** What the list under the timeline says of itself, for its head: how many rows there are and how many are shown. */
class Listing {
  total: number | null = $state(null);
  loaded = $state(0);
}
export const listing = new Listing();
