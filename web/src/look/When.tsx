// Times with their zone, and spans.

import { Tooltip } from "@mantine/core";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

/** The browser's time zone, such as Europe/Rome. */
export function zoneName(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** A time in the person's language: the day only where it is not today. */
export function timeText(at: string | Date, language: string, full = false, now = new Date()): string {
  const date = new Date(at);
  if (Number.isNaN(date.getTime()) || date.getUTCFullYear() < 1971) return "";
  const today = date.toDateString() === now.toDateString();
  const day = full || !today ? ({ day: "2-digit", month: "short", ...(full || date.getFullYear() !== now.getFullYear() ? { year: "numeric" } : {}) } as const) : {};
  const zone = full ? ({ timeZoneName: "short" } as const) : {};
  return new Intl.DateTimeFormat(language, { ...day, hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false, ...zone }).format(date);
}

/** A time; its tip has the day, the zone and how long ago it was. Nothing for the zero time. */
export function When({ at, full = false }: { at: string | Date | undefined | null; full?: boolean }) {
  const { t, i18n } = useTranslation();
  if (!at) return null;
  const text = timeText(at, i18n.language, full);
  if (!text) return null;
  const seconds = (Date.now() - new Date(at).getTime()) / 1000;
  const ago = seconds >= 0 ? t("ui.ago", { span: spanText(seconds) }) : t("ui.in", { span: spanText(-seconds) });
  return (
    <Tooltip label={`${timeText(at, i18n.language, true)}, ${ago}`}>
      <time dateTime={new Date(at).toISOString()}>{text}</time>
    </Tooltip>
  );
}

/** How long ago a time was; its tip has the time itself. */
export function Ago({ at }: { at: string }) {
  const { t, i18n } = useTranslation();
  const now = useNow();
  return (
    <Tooltip label={timeText(at, i18n.language, true)}>
      <time dateTime={at}>{t("ui.ago", { span: spanText((now - Date.parse(at)) / 1000) })}</time>
    </Tooltip>
  );
}

/** A span in at most two units: 45 s, 3 min 20 s, 2 h 05 min, 4 d 3 h. */
export function spanText(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min${s % 60 ? ` ${s % 60} s` : ""}`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, "0")} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

/** The seconds of a Go duration such as 1h30m, 5s or 100ms; NaN where it is none. */
export function secondsOf(duration: string): number {
  const units: Record<string, number> = { d: 86400, h: 3600, m: 60, s: 1, ms: 0.001 };
  if (!/^(\d+(\.\d+)?(d|h|ms|m|s))+$/.test(duration)) return NaN;
  return [...duration.matchAll(/(\d+(?:\.\d+)?)(d|h|ms|m|s)/g)].reduce((sum, m) => sum + Number(m[1]) * (units[m[2] as string] ?? 0), 0);
}

/** A span that is over, or one that runs: since (counts up) or until (counts down) a time. */
export function Duration({ seconds, since, until }: { seconds?: number; since?: string; until?: string }) {
  const running = seconds === undefined;
  const now = useNow(running);
  if (seconds !== undefined) return <span>{spanText(seconds)}</span>;
  const end = until ? (Date.parse(until) - now) / 1000 : since ? (now - Date.parse(since)) / 1000 : 0;
  return <span>{spanText(end)}</span>;
}

/** The time, each second; it stands still where it is not wanted. */
export function useNow(running = true): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [running]);
  return now;
}
