// One minute before the session ends by itself: stay or leave. Any act counts as staying.

import { Suspense, lazy, useEffect, useState } from "react";
import { cache } from "~/api/cache";

const IdleDialog = lazy(() => import("./IdleDialog"));
const warnBefore = 60; // seconds

export function IdleWarning({ ends }: { ends: string }) {
  const left = useSecondsUntil(ends);
  const over = left <= 0;
  useEffect(() => {
    if (over) void cache.invalidateQueries({ queryKey: ["session"] });
  }, [over]);
  return <Suspense>{!over && left <= warnBefore && <IdleDialog left={left} />}</Suspense>;
}

function useSecondsUntil(at: string): number {
  const end = Date.parse(at);
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return Number.isNaN(end) ? Infinity : (end - now) / 1000;
}
