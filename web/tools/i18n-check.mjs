// Every text is there in English and in Italian, and every text is used: else the build fails.
//
// A key is <file>.<path>: "customers.field.name" is field.name of src/i18n/{en,it}/customers.json.
// Used are: string literals that are a key; template literals, as a prefix up to the first ${;
// and in a file with ns="X", ns: "X" or the comment texts: "X", each name="f" of a *Field: X.field.f must be there, X.help.f may,
// X.option.f.* may. ns: "X" is a Resource, whose title and so on must be there.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const src = new URL("../src/", import.meta.url).pathname;

function flatten(value, at, out) {
  if (typeof value === "string") out.set(at, value);
  else for (const [key, inner] of Object.entries(value)) flatten(inner, at ? `${at}.${key}` : key, out);
  return out;
}

function language(code) {
  const dir = join(src, "i18n", code);
  const out = new Map();
  for (const file of readdirSync(dir).filter((f) => f.endsWith(".json")).sort())
    flatten(JSON.parse(readFileSync(join(dir, file), "utf8")), file.replace(/\.json$/, ""), out);
  return out;
}

function sources(dir) {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return sources(path);
    return /\.tsx?$/.test(entry.name) && !/(\.test\.tsx?|\.d\.ts)$/.test(entry.name) ? [path] : [];
  });
}

const holes = (text) => [...text.matchAll(/\{\{\s*(\w+)/g)].map((m) => m[1]).sort().join(",");
const faults = [];
const en = language("en");
const it = language("it");
// A key with a plural is used without its ending.
const base = (key) => {
  const stem = key.replace(/_(one|other|many|zero)$/, "");
  return en.has(`${stem}_other`) ? stem : key;
};
const spaces = new Set([...en.keys()].map((key) => key.split(".")[0]));

for (const key of en.keys()) if (!it.has(key)) faults.push(`it: ${key} is missing`);
for (const key of it.keys()) if (!en.has(key) && !/_many$/.test(key)) faults.push(`en: ${key} is missing`);
for (const [key, text] of en) {
  if (text.trim() === "") faults.push(`en: ${key} is empty`);
  if (it.has(key) && !/_one$/.test(key) && holes(text) !== holes(it.get(key))) faults.push(`it: ${key} has other {{}} than English`);
}

const known = new Set([...en.keys()].map(base));
const exact = new Set();
const prefixes = new Set();
// What a ResourcePage shows of its noun.
const resourceTexts = ["title", "one", "add", "filter", "empty", "empty_text", "delete_text"];
for (const path of sources(src)) {
  const text = readFileSync(path, "utf8");
  const where = path.slice(src.length);
  for (const m of text.matchAll(/(["'`])([a-z][\w-]*(?:\.[\w-]+)+)\1/g)) {
    if (!spaces.has(m[2].split(".")[0])) continue;
    exact.add(m[2]);
    if (!known.has(m[2])) faults.push(`${where}: ${m[2]} is no text`);
  }
  for (const m of text.matchAll(/`([a-z][\w-]*\.[\w.-]*)\$\{/g)) if (spaces.has(m[1].split(".")[0])) prefixes.add(m[1]);
  for (const [, ns] of text.matchAll(/\bns: "([\w-]+)"/g))
    for (const word of resourceTexts) {
      exact.add(`${ns}.${word}`);
      if (!known.has(`${ns}.${word}`)) faults.push(`${where}: ${ns}.${word} is no text`);
    }
  const all = [...text.matchAll(/\b(?:ns=|ns: |texts: )"([\w-]+)"/g)].map((m) => m[1]);
  for (const m of text.matchAll(/<\w*Field\b[^>]*?\bname="([\w.]+)"/g)) {
    for (const ns of all) {
      exact.add(`${ns}.field.${m[1]}`).add(`${ns}.help.${m[1]}`);
      prefixes.add(`${ns}.option.${m[1]}.`);
    }
    if (all.length && !all.some((ns) => known.has(`${ns}.field.${m[1]}`)) && !/\blabel=/.test(m[0])) faults.push(`${where}: ${all[0]}.field.${m[1]} is no text`);
  }
}
for (const key of known)
  if (!exact.has(key) && ![...prefixes].some((p) => key.startsWith(p))) faults.push(`${key} is used nowhere`);

for (const fault of faults) console.error("i18n: " + fault);
if (faults.length) process.exit(1);
