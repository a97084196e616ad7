/** Rules in the order in which they are tried, as the API sorts them for traffic. */
export function inOrder<T extends { priority: number; position: number; id: number }>(list: T[]): T[] {
  const place = (v: T) => v.position || Number.MAX_SAFE_INTEGER; // none: last
  return [...list].sort((a, b) => a.priority - b.priority || place(a) - place(b) || a.id - b.id);
}
