// After the build: .gz beside each asset, and the size of what the first page loads.
// The budget is for the scripts of the frame with one language; a page's own come on top.
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const budget = 250 * 1000;
const dist = new URL("../dist/", import.meta.url).pathname;
const manifestFile = join(dist, ".vite/manifest.json");
const manifest = JSON.parse(readFileSync(manifestFile, "utf8"));

const sizes = new Map();
for (const name of readdirSync(join(dist, "assets"))) {
  const path = join(dist, "assets", name);
  if (!/\.(js|css|svg)$/.test(name) || !statSync(path).isFile()) continue;
  const packed = gzipSync(readFileSync(path), { level: 9 });
  writeFileSync(path + ".gz", packed);
  sizes.set("assets/" + name, packed.length);
}

const seen = new Set();
function collect(key) {
  const chunk = manifest[key];
  if (seen.has(chunk.file)) return;
  seen.add(chunk.file);
  for (const css of chunk.css ?? []) seen.add(css);
  for (const next of chunk.imports ?? []) collect(next);
}
collect("index.html");
// One language is loaded before the first paint, too: the larger one counts.
const words = Math.max(0, ...[...sizes].filter(([name]) => /^assets\/(en|it)-/.test(name)).map(([, size]) => size));
const sum = (files) => files.reduce((total, file) => total + (sizes.get(file) ?? 0), 0);
const total = words + sum([...seen].filter((file) => file.endsWith(".js")));
const styles = sum([...seen].filter((file) => file.endsWith(".css")));
rmSync(join(dist, ".vite"), { recursive: true });

console.log(`panel: first load ${(total / 1000).toFixed(1)} kB of scripts gzipped, of ${budget / 1000}; ${(styles / 1000).toFixed(1)} kB of styles`);
if (total > budget) {
  for (const file of seen) console.error(`  ${((sizes.get(file) ?? 0) / 1000).toFixed(1)} kB  ${file}`);
  console.error("panel: over budget; load what few pages need by import() from a page");
  process.exit(1);
}
