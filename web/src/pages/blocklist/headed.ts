const named = /^\s*"?(prefix|domain)"?\s*([,;\t]|$)/i;

/** Whether a text's first line names its columns. */
export function hasHead(text: string): boolean {
  return named.test(text.trimStart().split(/\r?\n/, 1)[0] ?? "");
}

/** A CSV as the import takes it: lines without a first one that names columns are prefixes, and domains where there is a second cell. */
export function headed(text: string): string {
  if (hasHead(text)) return text;
  const lines = text.split(/\r?\n/);
  const separator = /[,;\t]/.exec(text)?.[0] ?? ",";
  return [`prefix${separator}domain`, ...lines.map((line) => (line.trim() === "" || line.includes(separator) ? line : line + separator))].join("\n");
}
