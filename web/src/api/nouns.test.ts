import { afterEach, expect, it, vi } from "vitest";
import { readAll } from "./nouns";

afterEach(() => vi.unstubAllGlobals());

/** A list of so many, in pages as the API has them; gives the requests. */
function list(total: number): URL[] {
  const asked: URL[] = [];
  vi.stubGlobal("fetch", (request: Request) => {
    const url = new URL(request.url);
    asked.push(url);
    const from = Number(url.searchParams.get("cursor") ?? 0);
    const to = Math.min(from + Number(url.searchParams.get("limit")), total);
    const body = { items: Array.from({ length: to - from }, (_, i) => from + i), next: to < total ? String(to) : "" };
    return Promise.resolve(new Response(JSON.stringify(body), { headers: { "Content-Type": "application/json" } }));
  });
  return asked;
}

it("reads all of a list of more than 1,000, each once, and asks for a customer's only", async () => {
  const asked = list(2500);
  expect(await readAll<number>("sip-users", { customer: 7 }, undefined)).toEqual(Array.from({ length: 2500 }, (_, i) => i));
  expect(asked.map((url) => url.searchParams.get("customer"))).toEqual(["7", "7", "7"]);
});

it("gives up on a list that is longer than anybody wants to wait for", async () => {
  const asked = list(2500);
  expect(await readAll("sip-users", {}, undefined, 2000)).toBeNull();
  expect(asked).toHaveLength(2);
});
