// Imports that go in a circle, between files or between folders, end the build: a part that is in one can
// neither be read nor loaded by itself. What is loaded later (import()) or for its types only makes none
// between files.
import { readFileSync, readdirSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";

const source = new URL("../src/", import.meta.url).pathname;

/** What a file's text imports, by the names it gives; types is whether those for types count. */
export function importsOf(text, types = true) {
  const found = [];
  for (const [, type, from] of text.matchAll(/^(?:import|export)\s+(type\s)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"/gm)) if (types || !type) found.push(from);
  return found;
}

/** A circle of a graph (a Map of names to Sets of names) as a list that ends where it begins; none: undefined. */
export function circleOf(graph) {
  const done = new Set();
  const way = [];
  const walk = (at) => {
    if (way.includes(at)) return [...way.slice(way.indexOf(at)), at];
    if (done.has(at)) return undefined;
    way.push(at);
    for (const to of graph.get(at) ?? []) {
      const circle = walk(to);
      if (circle) return circle;
    }
    way.pop();
    done.add(at);
    return undefined;
  };
  for (const at of graph.keys()) {
    const circle = walk(at);
    if (circle) return circle;
  }
  return undefined;
}

/** The graphs of files, and of the folders right below src; files maps a path below src to its text. */
export function graphsOf(files) {
  const between = new Map();
  const folders = new Map();
  const find = (path) => [path, `${path}.ts`, `${path}.tsx`, `${path}/index.ts`, `${path}/index.tsx`].find((p) => files.has(p));
  const folderOf = (path) => (path.includes("/") ? path.split("/")[0] : undefined);
  for (const [path, text] of files) {
    const targets = (types) => importsOf(text, types).map((from) => (from.startsWith("~/") ? find(from.slice(2)) : from.startsWith(".") ? find(join(dirname(path), from)) : undefined)).filter(Boolean);
    between.set(path, new Set(targets(false)));
    const own = folderOf(path);
    if (!own) continue;
    const all = folders.get(own) ?? new Set();
    for (const to of targets(true)) if (folderOf(to) && folderOf(to) !== own) all.add(folderOf(to));
    folders.set(own, all);
  }
  return { files: between, folders };
}

function read(folder, into = new Map()) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) read(path, into);
    else if (/\.tsx?$/.test(name) && !/\.(test|d)\.tsx?$/.test(name)) into.set(relative(source, path), readFileSync(path, "utf8"));
  }
  return into;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  for (const [what, graph] of Object.entries(graphsOf(read(source)))) {
    const circle = circleOf(graph);
    if (!circle) continue;
    console.error(`circles: ${what} import each other: ${circle.join(" -> ")}`);
    process.exitCode = 1;
  }
}
