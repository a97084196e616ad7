import { expect, it } from "vitest";
import { circleOf, graphsOf, importsOf } from "./circles.mjs";

it("reads imports as they are written", () => {
  const text = `import { a } from "./a";\nimport type { B } from "~/b";\nimport "./c.css";\nimport {\n  d,\n} from "d";\nexport { e } from "./e";\nconst f = lazy(() => import("./f"));\n`;
  expect(importsOf(text)).toEqual(["./a", "~/b", "./c.css", "d", "./e"]);
  expect(importsOf(text, false)).toEqual(["./a", "./c.css", "d", "./e"]);
});

it("finds circles between files and between folders", () => {
  const { files, folders } = graphsOf(new Map([
    ["a/one.ts", `import { two } from "./two";`],
    ["a/two.ts", `import { three } from "~/b";`],
    ["b/index.ts", `import type { One } from "~/a/one";`],
  ]));
  expect(circleOf(files)).toBeUndefined();
  expect(circleOf(folders)).toEqual(["a", "b", "a"]);
  expect(circleOf(new Map([["x", new Set(["y"])], ["y", new Set(["z"])], ["z", new Set(["y"])]]))).toEqual(["y", "z", "y"]);
});
