// The cache of what the API said, and how events keep it true.

import { QueryClient, keepPreviousData } from "@tanstack/react-query";
import { type StreamEvent, stream } from "./events";
import { Problem } from "./problem";

/** The cache of the page. Keys of lists and items begin with ["noun", path]. */
export const cache = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      refetchOnWindowFocus: true,
      placeholderData: keepPreviousData,
      retry: (count, error) => count < 2 && !(error instanceof Problem && error.status >= 400 && error.status < 500),
    },
  },
});

/** Reads anew whatever shows a noun, such as "customers". Ask for it after a change by hand. */
export function refresh(...paths: string[]): Promise<void> {
  return cache.invalidateQueries({
    predicate: ({ queryKey }) => {
      const [first, second] = queryKey;
      if (first === "noun") return paths.includes(String(second));
      return typeof second === "string" && paths.some((path) => second.startsWith("/api/v1/" + path));
    },
  });
}

// What each kind of event makes old. A burst of events is one refresh.
const stale: Record<string, string[]> = {
  ban: ["bans"],
  destination: ["destinations", "routing", "overview"],
};

/** Feeds the cache from the stream; gives what stops it. */
export function feedCache(): () => void {
  const due = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = () => {
    timer = undefined;
    const everything = due.has("*");
    const paths = [...due];
    due.clear();
    // What changed while the line was down is unknown: all of it is read anew.
    if (everything) void cache.invalidateQueries({ predicate: (query) => query.queryKey[0] !== "session" });
    else void refresh(...paths);
  };
  const want = (...paths: string[]) => {
    for (const path of paths) due.add(path);
    timer ??= setTimeout(flush, 400);
  };
  let opened = false;
  const stop = stream.listen((event: StreamEvent) => {
    if (event.kind === "open") {
      if (opened) want("*");
      opened = true;
    } else if (event.kind === "config" || event.kind === "lost") want("*");
    else want(...(stale[event.kind] ?? []));
  });
  return () => {
    clearTimeout(timer);
    stop();
  };
}
