import { expect, it } from "vitest";
import { headed } from "./headed";

it.each([
  ["a whole file", "prefix,domain\n040,\n", "prefix,domain\n040,\n"],
  ["only a column", "prefix\n040\n", "prefix\n040\n"],
  ["numbers alone", "00882\r\n040\n\n", "prefix,domain\n00882,\n040,\n\n"],
  ["numbers and domains", "00882;\n040;acme.example", "prefix;domain\n00882;\n040;acme.example"],
])("takes %s", (_, text, file) => expect(headed(text)).toBe(file));
