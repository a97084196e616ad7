/** One tree of texts out of a language's files: customers.json becomes "customers". */
export function texts(files: Record<string, { default: object }>): object {
  return Object.fromEntries(Object.entries(files).map(([path, file]) => [path.replace(/^.*\/|\.json$/g, ""), file.default]));
}
