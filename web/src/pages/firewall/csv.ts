// Rules as text: CSV (RFC 4180) and the part of tenants.yaml that holds them.

/** The cells of a CSV text, line by line; empty lines are left out. Separators: comma, semicolon or tab, as its first line has it. */
export function parseCSV(text: string): string[][] {
  const input = text.replace(/^\ufeff/, "");
  const separator = separatorOf(input);
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = "";
  let quoted = false;
  const endCell = () => (row.push(cell), (cell = ""));
  const endRow = () => {
    endCell();
    if (row.some((c) => c !== "")) rows.push(row);
    row = [];
  };
  for (let i = 0; i < input.length; i++) {
    const c = input[i] as string;
    if (quoted) {
      if (c !== '"') cell += c;
      else if (input[i + 1] === '"') (cell += '"'), i++;
      else quoted = false;
    } else if (c === '"' && cell === "") quoted = true;
    else if (c === separator) endCell();
    else if (c === "\n") endRow();
    else if (c !== "\r" || input[i + 1] !== "\n") cell += c;
  }
  if (cell !== "" || row.length) endRow();
  return rows;
}

function separatorOf(text: string): string {
  const first = text.split("\n", 1)[0] ?? "";
  const counts = [",", ";", "\t"].map((s) => [s, first.split(s).length] as const);
  return counts.sort((a, b) => b[1] - a[1])[0]?.[0] ?? ",";
}

const computed = /^[=+\-@\t\r]/; // what a spreadsheet would compute

export function toCSV(rows: string[][]): string {
  return rows.map((row) => row.map(cellOf).join(",")).join("\r\n") + "\r\n";
}

function cellOf(value: string): string {
  const safe = computed.test(value) || value.startsWith("'") ? "'" + value : value;
  return /[",\r\n;\t]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** A cell as it was before toCSV. */
export function plainCell(value: string): string {
  return value.startsWith("'") && (computed.test(value.slice(1)) || value.startsWith("''")) ? value.slice(1) : value;
}

export const columns = ["name", "header", "value", "match", "priority", "action", "mode"] as const;
export type Row = Record<(typeof columns)[number], string>;

/** Why a text is not a list of rules: a key of firewall.import and what it is about. */
export class NotRules extends Error {
  constructor(readonly key: "no_header" | "unknown_column" | "computed", readonly what: string) {
    super(key);
  }
}

/** The rules of a CSV text, whose first line names its columns in any order. */
export function rulesOfCSV(text: string): Row[] {
  const [head, ...lines] = parseCSV(text);
  const names = (head ?? []).map((name) => name.trim().toLowerCase());
  if (!names.includes("name") || !names.includes("header")) throw new NotRules("no_header", columns.join(","));
  const strange = names.find((name) => !(columns as readonly string[]).includes(name));
  if (strange !== undefined) throw new NotRules("unknown_column", strange);
  return lines.map((cells) => {
    const row: Row = { name: "", header: "", value: "", match: "", priority: "", action: "", mode: "" };
    names.forEach((name, i) => {
      const cell = cells[i] ?? "";
      if (/^[=@]/.test(cell)) throw new NotRules("computed", cell);
      row[name as keyof Row] = plainCell(cell);
    });
    return row;
  });
}

/** A file for POST /apply that gives one customer these rules and leaves all else as it is. A JSON string is a YAML one. */
export function yamlOf(customer: string, rows: Partial<Record<string, string>>[]): string {
  const lines = rows.map((row) => {
    const fields = columns.filter((c) => row[c] !== undefined && row[c] !== "").map((c) => `${c}: ${c === "priority" ? priorityOf(row[c] as string) : quoted(row[c] as string)}`);
    return `      - {${fields.join(", ")}}`;
  });
  return `customers:\n  - name: ${quoted(customer)}\n    firewall_rules:${lines.length ? "\n" + lines.join("\n") : " []"}\n`;
}

const priorityOf = (text: string): string => (/^\d+$/.test(text) ? text : quoted(text));

// YAML takes all of JSON's escapes, and wants these written so, too.
const quoted = (text: string): string => JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029\ufeff]/g, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
