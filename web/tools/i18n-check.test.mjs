// The build fails where a text is missing: tools/i18n-check.mjs is run on a copy of the sources that lacks one.

import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";

let copy = "";
beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), "tollgate-i18n-"));
  for (const dir of ["src", "tools"]) cpSync(dir, join(copy, dir), { recursive: true });
});
afterEach(() => rmSync(copy, { recursive: true }));

function check() {
  const run = spawnSync(process.execPath, [join(copy, "tools/i18n-check.mjs")], { encoding: "utf8" });
  return { status: run.status, said: run.stderr };
}

function change(file, from, to) {
  const path = join(copy, "src", file);
  const text = readFileSync(path, "utf8");
  expect(text).toContain(from);
  writeFileSync(path, text.replace(from, to));
}

it("takes the texts as they are", () => {
  expect(check()).toEqual({ status: 0, said: "" });
});

it("misses what one language lacks", () => {
  change("i18n/it/find.json", '"start":', '"begin":');
  const { status, said } = check();
  expect(status).toBe(1);
  expect(said).toContain("it: find.start is missing");
  expect(said).toContain("en: find.begin is missing");
});

it("misses what a page asks for, and what none does", () => {
  change("pages/find/index.tsx", '"find.start"', '"find.first"');
  const { status, said } = check();
  expect(status).toBe(1);
  expect(said).toContain("find.first is no text");
  expect(said).toContain("find.start is used nowhere");
});
