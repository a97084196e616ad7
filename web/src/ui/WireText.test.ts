import { expect, it } from "vitest";
import { piecesOf } from "./WireText";

it.each([
  ["plain", [{ text: "plain" }]],
  ["<img src=x onerror=alert(1)>", [{ text: "<img src=x onerror=alert(1)>" }]],
  ["a\u0000b", [{ text: "a" }, { text: "\u2400", code: "0000" }, { text: "b" }]],
  ["\u001b[31mred", [{ text: "\u241b", code: "001B" }, { text: "[31mred" }]],
  ["abc\u202efed", [{ text: "abc" }, { text: "[202E]", code: "202E" }, { text: "fed" }]],
  ["\u200bx", [{ text: "[200B]", code: "200B" }, { text: "x" }]],
  ["è 日本 😀", [{ text: "è 日本 😀" }]],
  ["\ud800", [{ text: "[D800]", code: "D800" }]],
])("shows %j as text, with what cannot be seen", (text, pieces) => {
  expect(piecesOf(text)).toEqual(pieces);
});

it("keeps line ends where lines are wanted, and shows them where not", () => {
  expect(piecesOf("a\r\nb", true)).toEqual([{ text: "a\r\nb" }]);
  expect(piecesOf("a\r\nb").map((p) => p.code ?? p.text)).toEqual(["a", "000D", "000A", "b"]);
});
