// How each stream and side of a call does, or did.

import { Badge, Paper, Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Mos } from "~/ui/CallBits";
import { Empty } from "~/ui/Empty";
import { WireText } from "~/ui/WireText";
import type { Figures } from "~/ui/quality";

export function Media({ media, over }: { media: readonly Figures[] | null | undefined; over: boolean }) {
  const { t, i18n } = useTranslation();
  const list = media ?? [];
  if (list.length === 0) return <Empty title={t("call.no_media")} text={t(over ? "call.no_media_text" : "call.no_media_live")} />;
  const number = (n: number | undefined | null, digits = 0) => (typeof n === "number" ? new Intl.NumberFormat(i18n.language, { maximumFractionDigits: digits }).format(n) : "");
  const rows: [string, (q: Figures) => React.ReactNode][] = [
    [t("call.codec"), (q) => <WireText>{q.codec}</WireText>],
    [t("call.heard"), (q) => q.sound && <Sound sound={q.sound} />],
    ["MOS", (q) => q.mos && <><Mos value={q.mos.average} language={i18n.language} /> <Text span size="xs" c="dimmed">{number(q.mos.min, 1)} – {number(q.mos.max, 1)}</Text></>],
    [t("call.packets"), (q) => number(q.packets)],
    [t("call.loss"), (q) => `${number(q.loss_percent, 2)} % (${number(q.lost)})`],
    [t("call.jitter"), (q) => `${number(q.jitter_ms, 1)} ms (${t("call.at_most", { ms: number(q.jitter_max_ms, 1) })})`],
    [t("call.rtt"), (q) => !!q.rtt_ms && `${number(q.rtt_ms, 1)} ms`],
    [t("call.largest_gap"), (q) => !!q.largest_gap_ms && `${number(q.largest_gap_ms)} ms`],
    [t("call.reordered"), (q) => `${number(q.reordered ?? 0)} / ${number(q.duplicates ?? 0)}`],
    [t("call.skew"), (q) => typeof q.skew_ppm === "number" && `${number(q.skew_ppm)} ppm`],
    [t("call.media_source"), (q) => <WireText>{q.source}</WireText>],
    [t("call.encrypted"), (q) => q.suite || t("call.plain")],
    [t("call.foreign"), (q) => `${number(q.refused ?? 0)} / ${number(q.bad_tags ?? 0)}`],
  ];
  return (
    <Paper withBorder style={{ overflow: "auto" }} tabIndex={0} role="region" aria-label={t("call.media")}>
      <Table fz="sm" verticalSpacing={5} style={{ fontVariantNumeric: "tabular-nums" }}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t("call.stream")}</Table.Th>
            {list.map((q) => (
              <Table.Th key={q.side + q.stream}>{t(`call.from_${q.side}`, { defaultValue: q.side })}{list.some((o) => o.stream !== list[0]?.stream) ? ` · ${q.stream + 1}` : ""}</Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map(([label, show]) => (
            <Table.Tr key={label}>
              <Table.Th fw={400} c="dimmed" w={220}>{label}</Table.Th>
              {list.map((q) => <Table.Td key={q.side + q.stream}>{show(q) || "–"}</Table.Td>)}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Paper>
  );
}

function Sound({ sound }: { sound: string }) {
  const { t } = useTranslation();
  return <Badge color={sound === "heard" ? "green" : sound === "never" ? "red" : "yellow"}>{t(`call.sound_${sound}`, { defaultValue: sound })}</Badge>;
}
