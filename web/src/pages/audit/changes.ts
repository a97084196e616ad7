// What an audit entry says was changed: its before and after are JSON texts.

export interface Change {
  field: string;
  before: string;
  after: string;
}

const meta = new Set(["version", "updated_at", "id"]);

/** The fields that differ; all fields of one side where there is no other. */
export function changesBetween(before: string | undefined, after: string | undefined): Change[] {
  const [old, now] = [flat(before), flat(after)];
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((field) => !meta.has(field) && old.get(field) !== now.get(field))
    .map((field) => ({ field, before: old.get(field) ?? "", after: now.get(field) ?? "" }));
}

function flat(text: string | undefined): Map<string, string> {
  const out = new Map<string, string>();
  if (!text) return out;
  const walk = (value: unknown, at: string) => {
    if (value !== null && typeof value === "object" && !Array.isArray(value)) for (const [key, inner] of Object.entries(value)) walk(inner, at ? `${at}.${key}` : key);
    else out.set(at, typeof value === "string" ? value : JSON.stringify(value));
  };
  try {
    walk(JSON.parse(text), "");
  } catch {
    out.set("", text);
  }
  return out;
}
