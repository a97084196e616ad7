// What test/panel has set up: see test/panel/scene_test.go.

interface Place {
  host: string;
  port: number;
}

interface Scene {
  url: string;
  wire: string;
  password: string;
  key: string;
  company: number; // whose customers they are
  calm: number;
  portal: number;
  sipp: Record<"pbx1" | "pbx2" | "new", Place>; // what SIPp plays
  pbx: Record<"calm" | "portal" | "crowd" | "east" | "west" | "moody", Place>;
}

export const scene: Scene = JSON.parse(process.env.SCENE ?? "{}");

export interface Outcome {
  status: number;
  reason: string;
  source: string;
  took: Record<string, number>;
  ends: string[] | null; // the Reason of each BYE
  texts: string[] | null;
  run: Ran | null;
}

/** What became of calls that SIPp placed. */
export interface Ran {
  exit: number; // SIPp's verdict: 0 = every call went as its scenario says
  successful: number;
  failed: number;
  answers: Record<string, number>; // how many calls' INVITEs ended with which status
  source: string;
  pbxs: Record<string, { exit: number; calls: number }>; // exit 0: none went wrong
  said: string;
}

export interface Run {
  Scenario: "answered" | "held" | "refused-403" | "silence" | "limited" | "torn";
  Source: string;
  Number: string;
  Domain: string;
  Caller: string;
  Agent: string;
  Count: number;
  Rate: number;
  PBXs: (keyof typeof scene.sipp)[];
}

export interface Wish {
  Source?: string;
  Method?: string;
  URI?: string;
  From?: string;
  Agent?: string;
  User?: string;
  Domain?: string;
  Secret?: string;
  Hold?: boolean;
  Silence?: boolean;
  PBX?: string;
  Status?: number;
  Count?: number;
  Run?: Run;
}

async function wire(what: string, wish: Wish): Promise<Outcome> {
  const response = await fetch(scene.wire + what, { method: "POST", body: JSON.stringify(wish) });
  return (await response.json()) as Outcome;
}

/** Places a call and ends it, unless Hold. status 0 is silence. */
export const place = (wish: Wish) => wire("/call", wish);
/** Sends a request outside of calls. */
export const send = (wish: Wish) => wire("/send", wish);
/** Registers a phone. */
export const register = (wish: Wish) => wire("/register", wish);
/** Waits for the end of calls that a phone holds, at both sides, and gives what the BYEs name as their reason. */
export const ended = async (Source: string, PBX: string, Count: number) => (await wire("/ended", { Source, PBX, Count })).ends ?? [];
/** The texts that came to a phone since it was last asked. */
export const textsOf = async (Source: string) => (await wire("/texts", { Source })).texts ?? [];
/** Has SIPp call through the node, and be the PBXs. */
export async function sipp(Run: Run): Promise<Ran> {
  const { run } = await wire("/sipp", { Run });
  if (!run) throw new Error("SIPp did not run");
  return run;
}
/** Says how a PBX answers from now on: 0 is not at all. */
export const answers = (PBX: string, Status: number) => wire("/pbx", { PBX, Status });

/** The receiver of call records takes none of this customer from now on; "": of everybody. */
export const deafTo = (Source: string) => wire("/deaf", { Source });

/** Adds calls that stay up to a crowd: from c0001@Domain to 0400000001, and so on. */
export const gather = (PBX: string, Domain: string, Count: number) => wire("/gather", { PBX, Domain, Count });
/** Ends calls of the crowd, the first ones first. */
export const thin = (Count: number) => wire("/thin", { Count });

/** An operation of the API, as the platform's key. */
export async function api<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(`${scene.url}/api/v1${path}`, {
    method,
    headers: { Authorization: `Bearer ${scene.key}`, "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return (text ? JSON.parse(text) : undefined) as T;
}
