import { describe, expect, it } from "vitest";
import { NotRules, parseCSV, plainCell, rulesOfCSV, toCSV, yamlOf } from "./csv";

describe("CSV", () => {
  const cases: [string, string, string[][]][] = [
    ["plain", "a,b\r\n1,2\r\n", [["a", "b"], ["1", "2"]]],
    ["semicolons", "a;b\n1;2", [["a", "b"], ["1", "2"]]],
    ["quotes", 'a,b\n"x ""y"", z","1\n2"\n', [["a", "b"], ['x "y", z', "1\n2"]]],
    ["empty cells and lines", "a,b\n\n,2\n", [["a", "b"], ["", "2"]]],
    ["a byte order mark", "\ufeffa,b\n", [["a", "b"]]],
  ];
  it.each(cases)("reads %s", (_, text, rows) => expect(parseCSV(text)).toEqual(rows));

  it.each(["plain", "=1+1", "+39040", "'quoted", 'a "b", c', "x\ny", "-1", "@SUM(A1)"])("gives %j back as it was, and computes nothing", (value) => {
    const text = toCSV([["a", "b"], [value, "1"]]);
    const cell = parseCSV(text)[1]?.[0] ?? "";
    expect(/^[=+\-@]/.test(cell)).toBe(false);
    expect(plainCell(cell)).toBe(value);
  });
});

describe("rules as text", () => {
  it("reads columns in any order", () => {
    const [rule] = rulesOfCSV('header,name,value,action\nuser-agent,scanners,"a,b",drop\n');
    expect(rule).toMatchObject({ name: "scanners", header: "user-agent", value: "a,b", action: "drop", match: "" });
  });

  it.each([
    ["no_header", "a,b\n1,2\n"],
    ["unknown_column", "name,header,colour\nx,from,red\n"],
    ["computed", "name,header,value\nx,from,=1+1\n"],
  ])("refuses %s", (key, text) => {
    expect(() => rulesOfCSV(text)).toThrow(NotRules);
    try {
      rulesOfCSV(text);
    } catch (e) {
      expect((e as NotRules).key).toBe(key);
    }
  });

  it("writes nothing that leaves its place in the file", () => {
    const text = yamlOf('acme"\n  - name: other', [{ name: "x}\n- {name: y", header: "from", value: "\u2028\u0085#", priority: "10" }]);
    expect(text.split("\n")).toHaveLength(5);
    expect(text).toContain('priority: 10');
    expect(text).toContain("\\u2028\\u0085#");
  });

  it("empties a list of no rules", () => expect(yamlOf("acme", [])).toBe('customers:\n  - name: "acme"\n    firewall_rules: []\n'));
});
