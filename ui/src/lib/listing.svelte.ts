/** What the list under the timeline says of itself, for its head: how many rows there are and how many are shown. */
class Listing {
  total: number | null = $state(null);
  loaded = $state(0);
  /** Whether rows are there, and counting them takes so long that it is said. */
  counting = $state(false);
}
export const listing = new Listing();
