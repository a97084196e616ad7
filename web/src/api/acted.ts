// Whether a person has just done something. A panel session ends after ten minutes without an
// act: what is polled or streamed must not renew it, what a person causes must.

const freshFor = 3000; // ms after an act in which a request counts as its consequence
let last = -Infinity;

/** Marks an act of the person in front of the page. */
export function markAct(at: number = performance.now()): void {
  last = at;
}

/** Whether a request that starts now is a consequence of an act. */
export function hasJustActed(at: number = performance.now()): boolean {
  return at - last <= freshFor;
}

/** Listens to the page; gives what stops it. */
export function watchActs(target: EventTarget, onAct?: () => void): () => void {
  const mark = (event: Event) => {
    if (!event.isTrusted) return;
    markAct();
    onAct?.();
  };
  const kinds = ["pointerdown", "keydown", "wheel", "touchstart"];
  for (const kind of kinds) target.addEventListener(kind, mark, { capture: true, passive: true });
  return () => {
    for (const kind of kinds) target.removeEventListener(kind, mark, { capture: true });
  };
}
