/** Closes what is open when something is pressed outside of it: an effect's body, which gives back its end. */
export function whenAway(root: () => HTMLElement | undefined, close: () => void): () => void {
  const away = (event: PointerEvent) => {
    if (!root()?.contains(event.target as Node)) close();
  };
  addEventListener("pointerdown", away, true);
  return () => removeEventListener("pointerdown", away, true);
}
