// The lines of the picture: each from a rule to its group.

import { type RefObject, useCallback, useEffect, useState } from "react";

export interface Line {
  rule: string; // a rule's id, "else" or "emergency"
  d: string; // of the SVG path
}

/** Where two boxes are joined: from the right side of one to the left side of the other, in the frame's own coordinates. */
export function curve(from: { x: number; y: number }, to: { x: number; y: number }): string {
  const bend = Math.max(24, (to.x - from.x) / 2);
  return `M${from.x},${from.y} C${from.x + bend},${from.y} ${to.x - bend},${to.y} ${to.x},${to.y}`;
}

/** The lines of a frame in which rules are marked data-rule with data-to, and groups data-group; drawn anew when anything moves. */
export function useLines(frame: RefObject<HTMLElement | null>, data: unknown): { lines: Line[]; redraw: () => void } {
  const [lines, setLines] = useState<Line[]>([]);
  const redraw = useCallback(() => {
    const box = frame.current;
    if (!box) return;
    const at = box.getBoundingClientRect();
    const groups = new Map([...box.querySelectorAll<HTMLElement>("[data-group]")].map((el) => [el.dataset.group, el.getBoundingClientRect()]));
    setLines(
      [...box.querySelectorAll<HTMLElement>("[data-rule]")].flatMap((el) => {
        const target = groups.get(el.dataset.to);
        const own = el.getBoundingClientRect();
        if (!target || target.left < own.right + 12) return []; // stacked on a narrow screen
        return [{ rule: el.dataset.rule ?? "", d: curve({ x: own.right - at.left, y: own.top - at.top + own.height / 2 }, { x: target.left - at.left, y: target.top - at.top + 20 }) }];
      }),
    );
  }, [frame]);
  useEffect(() => {
    const box = frame.current;
    if (!box) return;
    redraw();
    const watch = new ResizeObserver(redraw);
    watch.observe(box);
    for (const child of box.querySelectorAll("[data-rule],[data-group]")) watch.observe(child);
    return () => watch.disconnect();
  }, [frame, redraw, data]);
  return { lines, redraw };
}
