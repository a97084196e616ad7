// Errors of the API: RFC 9457 problems, with what is wrong in each field.

export interface Fault {
  code: string;
  field?: string;
  message: string;
  want?: string;
  noun?: string;
  name?: string;
  line?: number;
  offset?: number;
  offset_char?: number;
}

/** An answer of the API that is not a success. */
export class Problem extends Error {
  readonly status: number;
  readonly faults: Fault[];
  /** Seconds to wait, of a 429 or 503; 0 where it does not say. */
  readonly retryAfter: number;

  constructor(status: number, detail: string, faults: Fault[] = [], retryAfter = 0) {
    super(detail);
    this.name = "Problem";
    this.status = status;
    this.faults = faults;
    this.retryAfter = retryAfter;
  }

  /** Whether somebody else changed it since it was read. */
  get changed(): boolean {
    return this.status === 412 || this.faults.some((f) => f.code === "changed");
  }

  /** What is wrong with a field of the form, by its path; undefined where nothing is. parts: also with one of a list. */
  at(field: string, parts = true): string | undefined {
    const own = this.faults.filter((f) => pathOf(f.field) === field || (parts && pathOf(f.field).startsWith(field + "[")));
    return own.length ? own.map(sentence).join(". ") : undefined;
  }

  /** The faults that no field of `shown` will show. */
  besides(shown: Iterable<string>): Fault[] {
    const fields = [...shown];
    return this.faults.filter((f) => {
      const path = pathOf(f.field);
      return !fields.some((field) => path === field || path.startsWith(field + "["));
    });
  }
}

// The store speaks of "customer" where the body says "customer_id".
function pathOf(field: string | undefined): string {
  if (field === "customer" || field === "company" || field === "profile") return field + "_id";
  return field ?? "";
}

/** One fault as a sentence, without its field. */
export function sentence(fault: Fault): string {
  return fault.want ? `${fault.message}; ${fault.want}` : fault.message;
}

/** The problem in an answer, whatever its body is. */
export async function problemOf(response: Response): Promise<Problem> {
  const wait = Number(response.headers.get("Retry-After")) || 0;
  try {
    const body: unknown = await response.json();
    if (isObject(body)) {
      const detail = typeof body.detail === "string" && body.detail ? body.detail : response.statusText;
      return new Problem(response.status, detail, Array.isArray(body.errors) ? body.errors.filter(isFault) : [], wait);
    }
  } catch {
    // not JSON: a proxy's page
  }
  return new Problem(response.status, `${response.status} ${response.statusText}`.trim(), [], wait);
}

/** Any error as a problem: the network's have status 0. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem(0, error instanceof Error ? error.message : String(error));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function isFault(value: unknown): value is Fault {
  return isObject(value) && typeof value.message === "string";
}
