// One minute before the session ends by itself: stay or leave. Any act counts as staying.

import { Suspense, lazy, useEffect, useState } from "react";
import { cache } from "~/api/cache";
import { useIdleEnd } from "~/api/idle";

const IdleDialog = lazy(() => import("./IdleDialog"));
const warnBefore = 60; // seconds

export function IdleWarning() {
  const left = useSecondsUntil(useIdleEnd());
  const over = left <= 0;
  useEffect(() => {
    if (over) void cache.invalidateQueries({ queryKey: ["session"] });
  }, [over]);
  return <Suspense>{!over && left <= warnBefore && <IdleDialog left={left} />}</Suspense>;
}

function useSecondsUntil(end: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return (end - Math.max(now, Date.now() - 1000)) / 1000;
}
