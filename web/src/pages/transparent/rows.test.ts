import { expect, it } from "vitest";
import { rowsOf } from "./rows";

it("lists who is transparent, users first", () => {
  const customers = [
    { id: 1, name: "acme", transparent: false },
    { id: 2, name: "verdi", transparent: true, transparent_until: "2026-01-01T00:00:00Z" },
  ];
  const users = [{ id: 2, email: "a@b.example", transparent: true }];
  expect(rowsOf(customers, users)).toEqual([
    { key: "u2", name: "a@b.example", until: undefined },
    { key: "c2", name: "verdi", customer: 2, until: "2026-01-01T00:00:00Z" },
  ]);
});
