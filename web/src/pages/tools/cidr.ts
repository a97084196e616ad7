// Arithmetic of ranges, for drawing; the API says what they mean.

/** How much of each square is fixed, 0 to 1: a square is a bit of IPv4, or four bits of IPv6. */
export function nibblesOf(version: number, bits: number): number[] {
  const each = version === 4 ? 1 : 4;
  return Array.from({ length: 32 }, (_, i) => Math.min(1, Math.max(0, (bits - i * each) / each)));
}
