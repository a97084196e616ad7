// Lines of the last hour, by uPlot: a chunk of its own, that only the pages with lines load.

import { useMantineColorScheme } from "@mantine/core";
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import "./overview.css";

export interface Series {
  label: string;
  color: string; // a CSS variable's name
  values: (number | null)[];
  dash?: number[]; // so that lines are told apart without their colours
}

interface Props {
  at: number[]; // seconds since 1970
  series: Series[];
  height: number;
  /** With axes and a legend; else a bare line for a tile. */
  full?: boolean;
  language: string;
  label: string;
}

export default function Line({ at, series, height, full = false, language, label }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const { colorScheme } = useMantineColorScheme();
  const shape = series.map((s) => s.label + s.color).join();

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const style = getComputedStyle(element);
    const color = (name: string) => style.getPropertyValue(name).trim() || "gray";
    const time = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hour12: false });
    const axis = { stroke: color("--mantine-color-dimmed"), grid: { stroke: color("--tg-line"), width: 1 }, ticks: { show: false }, font: "11px system-ui" };
    const made = new uPlot(
      {
        width: element.clientWidth || 100, height, padding: full ? [8, 8, 0, 0] : [3, 0, 3, 0],
        cursor: { show: false }, legend: { show: false },
        scales: { x: { time: false }, y: { range: (_u, _min, max) => [0, max > 0 ? max * 1.1 : 1] } },
        axes: full ? [{ ...axis, values: (_u, ticks) => ticks.map((s) => time.format(s * 1000)), incrs: [600, 900, 1800] }, { ...axis, size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000] }] : [{ show: false }, { show: false }],
        series: [
          {},
          ...series.map((s) => ({ label: s.label, stroke: color(s.color), width: 1.8, dash: s.dash, fill: full ? undefined : color(s.color) + "1f", points: { show: false }, spanGaps: false })),
        ],
      },
      [at, ...series.map((s) => s.values)],
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = undefined;
    };
    // What is drawn is set below; the plot is made anew where its looks change.
  }, [colorScheme, height, full, language, shape]);

  useEffect(() => plot.current?.setData([at, ...series.map((s) => s.values)]), [at, series]);
  const drawing = <div ref={box} role="img" aria-label={label} style={{ minHeight: height, overflow: "hidden" }} />;
  if (!full) return drawing;
  return (
    <>
      {drawing}
      <ul className="tg-legend">
        {series.map((s) => (
          <li key={s.label}>
            <svg width={26} height={8} aria-hidden>
              <line x1={0} x2={26} y1={4} y2={4} stroke={`var(${s.color})`} strokeWidth={2.5} strokeDasharray={s.dash?.join(" ")} />
            </svg>
            {s.label}
          </li>
        ))}
      </ul>
    </>
  );
}
