// A form's values while they are typed: a path such as "timers.invite" or "rewrite[0].new" names each.

export type Draft = Record<string, unknown>;

const parts = (path: string): (string | number)[] => [...path.matchAll(/[^.[\]]+/g)].map(([part]) => (/^\d+$/.test(part) ? Number(part) : part));

export function valueAt(draft: unknown, path: string): unknown {
  return parts(path).reduce<unknown>((at, part) => (at !== null && typeof at === "object" ? (at as Record<string | number, unknown>)[part] : undefined), draft);
}

/** A copy with one value changed; what is not on the way is shared. */
export function withValue<T>(draft: T, path: string, value: unknown): T {
  const set = (at: unknown, rest: (string | number)[]): unknown => {
    const [part, ...deeper] = rest;
    if (part === undefined) return value;
    const copy: Record<string | number, unknown> | unknown[] = Array.isArray(at) ? [...at] : typeof part === "number" && at == null ? [] : { ...(at as object | undefined) };
    (copy as Record<string | number, unknown>)[part] = set((copy as Record<string | number, unknown>)[part], deeper);
    return copy;
  };
  return set(draft, parts(path)) as T;
}

/** What of a draft differs from what was read: the body of a PATCH, which merges objects and replaces lists. */
export function changesOf(before: Draft, after: Draft): Draft {
  const out: Draft = {};
  for (const key of Object.keys(after)) {
    const [old, now] = [before[key], after[key]];
    if (same(old, now) || now === undefined) continue;
    out[key] = isPlain(old) && isPlain(now) ? changesOf(old, now) : now;
  }
  return out;
}

/** The paths at which two values differ, for people. */
export function differences(a: Draft, b: Draft, at = ""): string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((key) => {
    if (same(a[key], b[key])) return [];
    const path = at ? `${at}.${key}` : key;
    const [x, y] = [a[key], b[key]];
    return isPlain(x) && isPlain(y) ? differences(x, y, path) : [path];
  });
}

function isPlain(value: unknown): value is Draft {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null || Array.isArray(a) !== Array.isArray(b)) return false;
  const [x, y] = [a as Draft, b as Draft];
  const keys = new Set([...Object.keys(x), ...Object.keys(y)]);
  return [...keys].every((key) => same(x[key], y[key]));
}
