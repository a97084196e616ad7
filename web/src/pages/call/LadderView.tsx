// The ladder as SVG. A message is a button that opens its text.

import { type KeyboardEvent, type Ref, useMemo } from "react";
import { useTranslation } from "react-i18next";
import "./call.css";
import { type Arrow, type Ladder, type Traced, cut, ladderOf, shown } from "./ladder";

const timeWidth = 78;
// Between lanes, from the outer lanes to the time column and the right edge, and how wide the decision is.
const wide = { lane: 236, edge: 104, note: 600 };
const compact = { lane: 172, edge: 76, note: 480 }; // two ladders beside each other
const headHeight = 40;
const rowHeight = 28;
const gapHeight = 18;
const noteLine = 17;
const charWidth = 6.95;

interface Props {
  traced: Traced;
  selected?: number;
  onSelect?: (index: number) => void;
  svg?: Ref<SVGSVGElement>;
  small?: boolean;
}

export function LadderView({ traced, selected, onSelect, svg, small = false }: Props) {
  const { lane: laneWidth, edge, note: noteWidth } = small ? compact : wide;
  const { t, i18n } = useTranslation();
  const ladder = useMemo(() => ladderOf(traced), [traced]);
  const note = useNote(traced.decision);
  const { places, height } = placesOf(ladder, note.length);
  const xs = ladder.lanes.map((_, i) => timeWidth + edge + i * laneWidth);
  const width = Math.max(timeWidth + 2 * edge + (ladder.lanes.length - 1) * laneWidth, timeWidth + noteWidth + 16); // a refused request has no right side
  const middle = ladder.lanes.findIndex((l) => l.side === "us");
  const time = new Intl.NumberFormat(i18n.language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  return (
    <svg ref={svg} className="tg-ladder" role="group" aria-label={t("call.ladder")} width={width} height={height} viewBox={`0 0 ${width} ${height}`}>
      <text x={timeWidth - 14} y={16} textAnchor="end" className="dim">ms</text>
      {ladder.lanes.map((lane, i) => (
        <g key={lane.side + lane.remote}>
          <text x={xs[i]} y={16} textAnchor="middle" className="head">{lane.side === "us" ? "Tollgate" : cut(shown(lane.remote), 32)}</text>
          <text x={xs[i]} y={31} textAnchor="middle" className="dim">{lane.side === "us" ? "" : `${t(`call.side_${lane.side}`)} ${lane.transport}`}</text>
          <line className={lane.side === "us" ? "us" : "lane"} x1={xs[i]} x2={xs[i]} y1={headHeight} y2={height} />
        </g>
      ))}
      {ladder.rows.map((row, i) => {
        const y = places[i] ?? 0;
        if (row.kind === "note") return <Decided key="note" lines={note} refused={traced.decision.refused} x={xs[middle] ?? 0} y={y} width={noteWidth} all={width} />;
        return (
          <Line key={row.index} arrow={row} y={y} from={xs[row.from] ?? 0} to={xs[row.to] ?? 0} width={width} time={time.format(row.ms)} pressed={selected === row.index}
            onSelect={onSelect && (() => onSelect(row.index))} />
        );
      })}
    </svg>
  );
}

interface LineProps {
  arrow: Arrow;
  y: number;
  from: number;
  to: number;
  width: number;
  time: string;
  pressed: boolean;
  onSelect?: () => void;
}

function Line({ arrow, y, from, to, width, time, pressed, onSelect }: LineProps) {
  const { t } = useTranslation();
  const tip = to > from ? 7 : -7;
  const room = Math.floor((Math.abs(to - from) - 16) / charWidth);
  const again = arrow.again ? ` ${t("call.again", { count: arrow.again + 1 })}` : "";
  const label = cut(arrow.label, room - again.length) + again;
  const more = [t(arrow.from < arrow.to ? "call.to_right" : "call.to_left"), arrow.label, arrow.sdp].filter(Boolean).join(", ");
  const key = (event: KeyboardEvent<SVGGElement>) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      onSelect?.();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const all = [...(event.currentTarget.ownerSVGElement?.querySelectorAll<SVGGElement>("[role=button]") ?? [])];
      const next = all[all.indexOf(event.currentTarget) + (event.key === "ArrowDown" ? 1 : -1)];
      if (next) (event.preventDefault(), next.focus());
    }
  };
  const acts = onSelect ? { role: "button", tabIndex: 0, "aria-description": more, "aria-pressed": pressed, onClick: onSelect, onKeyDown: key } : {};
  return (
    <>
      {arrow.gap > 0 && (
        <text className="dim" x={timeWidth - 14} y={y - 5} textAnchor="end">
          {t("call.gap", { seconds: arrow.gap.toFixed(1) })}
        </text>
      )}
      <g className={`${arrow.ok ? "" : "bad"} ${arrow.again ? "again" : ""}`} {...acts}>
        <rect className="back" x={2} y={y + 1} width={width - 4} height={rowHeight - 2} rx={3} />
        <text className="dim" x={timeWidth - 14} y={y + 19} textAnchor="end">{time}</text>
        <text className="label" x={(from + to) / 2} y={y + 12} textAnchor="middle">{label}</text>
        <line className="line" x1={from} x2={to - tip} y1={y + 18} y2={y + 18} />
        <path className="tip" d={`M${to} ${y + 18}l${-tip * 1.3} -4v8z`} />
        {arrow.sdp && (
          <text className="dim" x={to > from ? Math.min(from, to) - 6 : Math.max(from, to) + 6} y={y + 21} textAnchor={to > from ? "end" : "start"} fontSize={10}>
            {sdpShort(arrow.sdp)}
          </text>
        )}
      </g>
    </>
  );
}

/** Enough for beside an arrow; the tip has all of it. */
function sdpShort(sdp: string): string {
  return cut(sdp.replace(/^SDP audio ?/, "♪ ").replace(/^SDP /, "♪ "), 14);
}

function Decided({ lines, refused, x, y, width, all }: { lines: string[]; refused: boolean; x: number; y: number; width: number; all: number }) {
  const left = Math.max(timeWidth + 6, Math.min(x - width / 2, all - width - 8));
  const most = Math.floor((width - 20) / charWidth);
  return (
    <g>
      <rect className={refused ? "note refused" : "note"} x={left} y={y + 4} width={width} height={lines.length * noteLine + 10} rx={4} />
      {lines.map((line, i) => (
        <text key={i} x={left + 10} y={y + 21 + i * noteLine} className={i === lines.length - 1 ? "head" : undefined}>
          <title>{line}</title>
          {cut(line, most)}
        </text>
      ))}
    </g>
  );
}

/** What was decided, in lines: the steps, what was let pass, and where it went or why it did not. */
function useNote(d: Traced["decision"]): string[] {
  const { t } = useTranslation();
  return useMemo(() => {
    const lines: string[] = [];
    const passed = d.passed ?? [];
    if (passed.length) lines.push(t("call.passed", { count: passed.length, last: passed.at(-1) }));
    for (const w of d.would ?? []) lines.push(shown(`${t("call.let_pass")} ${w.sentence}${w.rule_name ? ` (${w.rule_name})` : ""}`));
    const by = [d.rule_name, d.counter, d.limit].filter(Boolean).join(", ");
    if (d.refused) lines.push(shown(`${d.status < 0 ? t("call.silent") : d.status} ${d.reason}: ${d.sentence}${by ? ` (${by})` : ""}`));
    else lines.push(shown(d.destination ? t("call.goes_to", { where: d.destination }) + (d.group ? ` · ${t("call.group", { group: d.group })}` : "") : t("call.goes_on")));
    for (const r of d.later ?? []) lines.push(shown(t("call.later", { method: r.method, status: r.status }) + ` ${r.reason}: ${r.sentence}${r.rule_name ? ` (${r.rule_name})` : ""}`));
    return lines;
  }, [d, t]);
}

function placesOf(ladder: Ladder, lines: number): { places: number[]; height: number } {
  let y = headHeight + 6;
  const places = ladder.rows.map((row) => {
    if (row.kind === "note") {
      const at = y;
      y += lines * noteLine + 18;
      return at;
    }
    if (row.gap) y += gapHeight;
    const at = y;
    y += rowHeight;
    return at;
  });
  return { places, height: y + 10 };
}

/** The drawing as a file of its own: with its colours, and without what only works in the page. */
export function svgFile(svg: SVGSVGElement): string {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  for (const g of copy.querySelectorAll("[role=button]")) for (const name of ["role", "tabindex", "aria-pressed", "aria-description"]) g.removeAttribute(name);
  for (const back of copy.querySelectorAll(".back")) back.remove();
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const style = document.createElementNS("http://www.w3.org/2000/svg", "style");
  style.textContent = `svg{background:#fff;font:11.5px ui-monospace,Menlo,Consolas,monospace}text{fill:#1b1f23}.head{font-weight:600}.dim{fill:#57616b}
.lane{stroke:#c5ccd3}.us{stroke:#155e75;stroke-width:2}.line{stroke:#1b1f23;stroke-width:1.3}.tip{fill:#1b1f23}.again .line{stroke-dasharray:4 3}
.bad .label,.bad .tip{fill:#c0262d}.bad .line{stroke:#c0262d}.note{fill:#e6f1f4;stroke:#1f7f97}.note.refused{fill:#fdecec;stroke:#c0262d}`;
  copy.prepend(style);
  return '<?xml version="1.0" encoding="UTF-8"?>\n' + new XMLSerializer().serializeToString(copy);
}
