import { call } from "~/api/client";

/** Remembers a preference with the account. Where that fails it holds in this browser only. */
export function saveOwn(patch: { language?: string; theme?: string }): void {
  call("PATCH", "/me", { body: patch }).catch(() => undefined);
}
