// Tiles, lines and short lists: what the overview and the wall board show. It asks nobody who is logged in.

import { Badge, Text } from "@mantine/core";
import { type ReactNode, Suspense, lazy, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Failed, Waiting } from "~/frame/States";
import { mosGrade } from "~/ui/CallBits";
import { When } from "~/look/When";
import { hrefOf } from "~/url";
import type { Series } from "./Line";
import { type Minute, type Overview, asrOf, useOverview, whole } from "./numbers";
import "./overview.css";

const Line = lazy(() => import("./Line"));

interface Props {
  customer?: number;
  /** Large, and without links. */
  wall?: boolean;
}

export function Board({ customer, wall = false }: Props) {
  const { i18n } = useTranslation();
  const query = useOverview(customer);
  const minutes = useMemo(() => (query.data ? whole(query.data.minutes) : []), [query.data?.minutes]);
  if (query.isPending) return <Waiting />;
  if (!query.data) return <Failed error={query.error} reset={() => void query.refetch()} />;
  const o = query.data;
  const link = (to: string, search?: Record<string, string>) => (wall ? undefined : hrefOf(to, { ...(customer ? { customer: String(customer) } : {}), ...search }));
  return (
    <>
      <Tiles o={o} minutes={minutes} link={link} wall={wall} />
      <div className="tg-panels">
        <Hour minutes={minutes} language={i18n.language} height={wall ? 320 : 190} />
        <Destinations o={o} link={link} />
        <Top o={o} link={link} />
        <Reasons o={o} link={link} />
        {o.degraded.length > 0 && <Parts o={o} />}
      </div>
    </>
  );
}

type Link = (to: string, search?: Record<string, string>) => string | undefined;

function Tiles({ o, minutes, link, wall }: { o: Overview; minutes: Minute[]; link: Link; wall: boolean }) {
  const { t, i18n } = useTranslation();
  const number = (n: number | null | undefined, digits = 0) =>
    n === null || n === undefined ? "–" : new Intl.NumberFormat(i18n.language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(n);
  const line = (color: string, of: (m: Minute) => number | null) => ({ color, values: minutes.map(of) });
  const at = useMemo(() => minutes.map((m) => Date.parse(m.at) / 1000), [minutes]);
  const tiles: TileProps[] = [
    { label: t("overview.calls"), value: number(o.calls), href: link("/calls"), caption: t("overview.answered_a_minute"), ...line("--mantine-color-green-6", (m) => m.answered) },
    { label: t("overview.rate"), value: number(o.calls_per_second, 1), href: link("/cdrs", { since: "1h" }), caption: t("overview.attempts_a_minute"), ...line("--mantine-color-petrol-5", (m) => m.attempts) },
    { label: t("overview.registrations"), value: number(o.registrations), href: link("/registrations"), caption: t("overview.phones") },
    { label: t("overview.asr"), value: o.asr === null ? "–" : `${number(o.asr * 100, 1)} %`, caption: t("overview.last_hour"), ...line("--mantine-color-green-6", asrOf) },
    { label: t("overview.pdd"), value: o.pdd_seconds === null ? "–" : o.pdd_seconds < 1 ? `${number(o.pdd_seconds * 1000, o.pdd_seconds < 0.01 ? 1 : 0)} ms` : `${number(o.pdd_seconds, 2)} s`, caption: t("overview.last_hour"), ...line("--mantine-color-petrol-5", (m) => m.pdd_seconds ?? null) },
    { label: t("overview.mos"), value: number(o.mos, 2), caption: o.mos ? t(`calls.mos_${mosGrade(o.mos)}`) : t("overview.no_mos"), ...line("--mantine-color-grape-5", (m) => m.mos ?? null) },
    { label: t("overview.bans"), value: number(o.bans), href: link("/bans"), caption: t("overview.refused_a_minute"), ...line("--mantine-color-red-6", (m) => m.refused) },
  ];
  return (
    <div className="tg-tiles">
      {tiles.map((tile) => (
        <Tile key={tile.label} {...tile} at={at} language={i18n.language} height={wall ? 64 : 36} />
      ))}
    </div>
  );
}

interface TileProps {
  label: string;
  value: string;
  caption: string;
  href?: string;
  color?: string;
  values?: (number | null)[];
}

function Tile({ label, value, caption, href, color, values, at, language, height }: TileProps & { at: number[]; language: string; height: number }) {
  const { t } = useTranslation();
  const series = useMemo<Series[]>(() => (values && color ? [{ label: caption, color, values }] : []), [JSON.stringify(values), color, caption]);
  const some = values?.some((v) => v !== null && v > 0);
  return (
    <section className="tg-tile">
      <h2>{href ? <a href={href}>{label}</a> : label}</h2>
      <div className="value">{value}</div>
      <div style={{ height }}>
        {some && <Suspense><Line at={at} series={series} height={height} language={language} label={t("overview.line_of", { what: caption })} /></Suspense>}
      </div>
      <div className="caption">{caption}</div>
    </section>
  );
}

/** Every call of the last hour by what became of it. */
function Hour({ minutes, language, height }: { minutes: Minute[]; language: string; height: number }) {
  const { t } = useTranslation();
  const at = useMemo(() => minutes.map((m) => Date.parse(m.at) / 1000), [minutes]);
  const series = useMemo<Series[]>(
    () => [
      { label: t("calls.verdict_answered"), color: "--mantine-color-green-6", values: minutes.map((m) => m.answered) },
      { label: t("calls.verdict_failed"), color: "--mantine-color-yellow-6", values: minutes.map((m) => m.failed), dash: [7, 4] },
      { label: t("calls.verdict_refused"), color: "--mantine-color-red-6", values: minutes.map((m) => m.refused), dash: [2, 3] },
    ],
    [minutes, t],
  );
  return (
    <Panel title={t("overview.hour")} wide>
      <Suspense fallback={<div style={{ height }} />}>
        <Line full at={at} series={series} height={height} language={language} label={t("overview.hour")} />
      </Suspense>
    </Panel>
  );
}

function Panel({ title, note, wide = false, children }: { title: string; note?: ReactNode; wide?: boolean; children: ReactNode }) {
  return (
    <section className={wide ? "tg-panel wide" : "tg-panel"}>
      <h2>
        {title}
        {note && <Text span size="sm" c="dimmed" fw={400} ml={8}>{note}</Text>}
      </h2>
      {children}
    </section>
  );
}

const shownNeighbours = 10;
const colors: Record<string, string> = { up: "green", down: "red", unknown: "yellow", off: "gray", disabled: "gray" };

export function StatusBadge({ status }: { status: string }) {
  const { t } = useTranslation();
  return <Badge color={colors[status] ?? "gray"}>{t(`overview.status_${status}`)}</Badge>;
}

function Destinations({ o, link }: { o: Overview; link: Link }) {
  const { t } = useTranslation();
  const d = o.destinations;
  const counts = (["up", "down", "unknown", "off", "disabled"] as const).filter((status) => d[status] > 0).map((status) => `${d[status]} ${t(`overview.status_${status}`)}`);
  const more = d.more + Math.max(0, d.list.length - shownNeighbours);
  return (
    <Panel title={t("overview.destinations")} note={counts.join(", ")}>
      {d.list.length === 0 ? (
        <Text size="sm" c="dimmed">{t("overview.no_destinations")}</Text>
      ) : (
        <table>
          <tbody>
            {d.list.slice(0, shownNeighbours).map((n) => (
              <tr key={n.id}>
                <td><Linked href={link("/destinations", { edit: String(n.id) })}>{n.name}</Linked> <Text span size="xs" c="dimmed">{n.customer}</Text></td>
                <td><StatusBadge status={n.disabled ? "disabled" : n.status} /></td>
                <td className="num">{n.status === "up" && n.rtt_ms ? `${n.rtt_ms.toFixed(1)} ms` : n.status === "down" ? <When at={n.since} /> : ""}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {more > 0 && <Text size="sm" mt={6}><Linked href={link("/health")}>{t("ui.and_more", { count: more })}</Linked></Text>}
    </Panel>
  );
}

function Top({ o, link }: { o: Overview; link: Link }) {
  const { t } = useTranslation();
  return (
    <Panel title={t("overview.top")}>
      {o.top.length === 0 ? (
        <Text size="sm" c="dimmed">{t("calls.none")}</Text>
      ) : (
        <table>
          <tbody>
            {o.top.map((c) => (
              <tr key={c.customer_id}>
                <td><Linked href={link("/calls", { customer: String(c.customer_id) })}>{c.customer}</Linked></td>
                <td className="num">{c.calls} <Text span size="sm" c="dimmed">/ {c.max_calls || "∞"}</Text></td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}

function Reasons({ o, link }: { o: Overview; link: Link }) {
  const { t, i18n } = useTranslation();
  return (
    <Panel title={t("overview.reasons")}>
      {o.reasons.length === 0 ? (
        <Text size="sm" c="dimmed">{t("overview.no_reasons")}</Text>
      ) : (
        <table>
          <tbody>
            {o.reasons.slice(0, 8).map((r) => (
              <tr key={r.reason}>
                <td><Linked href={link("/decisions", { refused: "1", reason: r.reason, since: "1h" })}>{r.sentence}</Linked></td>
                <td className="num">{new Intl.NumberFormat(i18n.language).format(r.count)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}

function Parts({ o }: { o: Overview }) {
  const { t } = useTranslation();
  const tint = { error: "red", warning: "yellow", info: "gray" };
  return (
    <Panel title={t("overview.parts")}>
      <table>
        <tbody>
          {o.degraded.map((p) => (
            <tr key={p.part + p.state}>
              <td><Badge color={tint[p.level]}>{t(`overview.part_${p.part}`, { defaultValue: p.part })}</Badge></td>
              <td>{p.sentence}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

function Linked({ href, children }: { href?: string; children: ReactNode }) {
  return href ? <a className="tg-link" href={href}>{children}</a> : <>{children}</>;
}
