/** A CSV as the import takes it: without a first line that names columns, its lines are prefixes, and domains where there is a second cell. */
export function headed(text: string): string {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  const first = lines[0] ?? "";
  if (/^"?(prefix|domain)"?\s*([,;\t]|$)/i.test(first)) return text;
  const separator = /[,;\t]/.exec(lines.find((line) => /[,;\t]/.test(line)) ?? ",")?.[0] ?? ",";
  return [`prefix${separator}domain`, ...lines.map((line) => (line.includes(separator) ? line : line + separator))].join("\n") + "\n";
}
