import { afterEach, describe, expect, it, vi } from "vitest";
import { hasJustActed, markAct } from "./acted";
import { address, call, onLogInNeeded } from "./client";
import { EventParser } from "./events";
import { Problem } from "./problem";

const answer = (status: number, body: unknown = {}, headers: Record<string, string> = {}) =>
  new Response(status === 204 ? null : JSON.stringify(body), { status, headers: { "Content-Type": "application/json", ...headers } });

afterEach(() => {
  vi.unstubAllGlobals();
  onLogInNeeded(undefined);
});

function stub(...answers: Response[]): Request[] {
  const sent: Request[] = [];
  vi.stubGlobal("fetch", (request: Request) => {
    sent.push(request);
    return Promise.resolve(answers.shift() ?? answer(500));
  });
  return sent;
}

describe("a request", () => {
  it("says that a person caused it, for a few seconds after an act and no longer", async () => {
    expect(hasJustActed(100_000)).toBe(false);
    markAct(100_000);
    expect(hasJustActed(102_000)).toBe(true);
    expect(hasJustActed(104_000)).toBe(false);
    markAct();
    const sent = stub(answer(200), answer(200));
    await call("GET", "/customers");
    await call("GET", "/session", { headers: { "X-Tollgate-Action": "0" } });
    expect(sent.map((r) => r.headers.get("X-Tollgate-Action"))).toEqual(["1", null]);
  });

  it("waits for a log-in after a 401 and is sent again as it was", async () => {
    const sent = stub(answer(401, { detail: "nobody is logged in" }), answer(200, { id: 7 }, { ETag: '"9"' }));
    onLogInNeeded(() => Promise.resolve(true));
    const { body, etag } = await call<{ id: number }>("PATCH", "/customers/7", { body: { name: "x" }, etag: '"8"' });
    expect([body.id, etag, sent.length]).toEqual([7, '"9"', 2]);
    expect(await sent[1]?.text()).toBe('{"name":"x"}');
    expect(sent[1]?.headers.get("If-Match")).toBe('"8"');
  });

  it("fails with the 401 where nobody logs in, and never asks for a wrong password", async () => {
    const ask = vi.fn(() => Promise.resolve(false));
    onLogInNeeded(ask);
    stub(answer(401, { detail: "no" }), answer(401, { detail: "wrong" }));
    await expect(call("GET", "/customers")).rejects.toMatchObject({ status: 401 });
    await expect(call("POST", "/session", { body: {} })).rejects.toMatchObject({ message: "wrong" });
    expect(ask).toHaveBeenCalledTimes(1);
  });

  it("leaves out what is not asked for", () => {
    expect(address("/calls", { customer: undefined, q: "", limit: 5, refused: true })).toMatch(/\/api\/v1\/calls\?limit=5&refused=true$/);
  });
});

describe("a problem", () => {
  it("has what is wrong at each field, and besides", async () => {
    stub(answer(422, { detail: "name: is missing", errors: [
      { code: "required", field: "name", message: "is missing", want: "a name" }, { code: "invalid", field: "digest[1]", message: "is not known" },
      { code: "forbidden", field: "company", message: "may not be changed by you" }, { code: "invalid", message: "the whole" },
    ] }));
    const problem = await call("POST", "/customers", { body: {} }).catch((e: Problem) => e) as Problem;
    expect(problem.at("name")).toBe("is missing; a name");
    expect(problem.at("digest")).toBe("is not known");
    expect(problem.at("digest", false), "nothing is wrong with the list itself").toBeUndefined();
    expect(problem.at("company_id")).toBe("may not be changed by you");
    expect(problem.besides(["name", "digest", "company_id"]).map((f) => f.message)).toEqual(["the whole"]);
    expect(problem.changed).toBe(false);
  });

  it("is made of a proxy's page too, and says how long to wait", async () => {
    stub(new Response("<html>", { status: 503, headers: { "Retry-After": "7" } }));
    await expect(call("GET", "/node")).rejects.toMatchObject({ status: 503, retryAfter: 7 });
  });
});

describe("the event stream", () => {
  it("is cut into events wherever the chunks end", () => {
    const text = ': watching\n\nevent: ban\nid: 1\ndata: {"id":"é"}\n\nevent: calls\r\ndata: 1\r\n\r\ndata: not json\n\n';
    const whole = new EventParser().push(text);
    expect(whole).toEqual([{ kind: "ban", data: { id: "é" } }, { kind: "calls", data: 1 }, { kind: "message", data: "not json" }]);
    for (let cut = 1; cut < text.length; cut++) {
      const parser = new EventParser();
      expect([...parser.push(text.slice(0, cut)), ...parser.push(text.slice(cut))]).toEqual(whole);
    }
  });
});
