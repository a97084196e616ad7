import { call } from "~/api/client";
import { asProblem } from "~/api/problem";

/** Lifts a ban; that it is over by now is no fault. */
export async function lift(id: string): Promise<void> {
  await call("DELETE", `/bans/${id}`).catch((error) => {
    if (asProblem(error).status !== 404) throw error;
  });
}
