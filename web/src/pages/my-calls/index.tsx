// A customer's own calls, the latest first; of those that were refused, why in plain words.

import { Group, Select, Text } from "@mantine/core";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { useList } from "~/api/nouns";
import { useCustomer } from "~/frame/CustomerFilter";
import { Failed, Waiting } from "~/frame/States";
import { Direction, PartyText, VerdictBadge } from "~/ui/CallBits";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { Page } from "~/ui/Page";
import { RangeFilter, useRange } from "~/ui/RangeFilter";
import { TextFilter } from "~/ui/ResourcePage";
import { When, spanText } from "~/look/When";
import { WireText } from "~/ui/WireText";
import { verdictOf } from "~/ui/party";
import { hrefOf, useUrl } from "~/url";
import { useSentences } from "./sentences";

type CDR = Schemas["CDR"];

const verdicts = ["answered", "failed", "refused"];

export default function MyCalls() {
  const { t } = useTranslation();
  const customer = useCustomer();
  const range = useRange();
  const [{ q, verdict }, set] = useUrl();
  const list = useList<CDR>("cdrs", { customer, q, verdict, newest: true, ...range });
  const rows = list.data ?? [];
  const columns = useColumns(useSentences(customer, range.since));
  return (
    <Page title={t("my_calls.title")} note={t("my_calls.note")}>
      <Group mb="sm" gap="sm">
        <TextFilter label={t("my_calls.filter")} />
        <RangeFilter />
        <Select w={160} aria-label={t("calls.verdict")} placeholder={t("calls.verdict")} clearable clearButtonProps={{ "aria-label": t("calls.clear") }} value={verdict ?? null}
          onChange={(v) => set({ verdict: v ?? undefined }, { replace: true })} data={verdicts.map((value) => ({ value, label: t(`calls.verdict_${value}`) }))} />
        <Text size="sm" c="dimmed" role="status">
          {list.data && t("ui.rows", { count: rows.length, more: list.hasNextPage ? "+" : "" })}
        </Text>
      </Group>
      {list.isError ? (
        <Failed error={list.error} reset={() => void list.refetch()} />
      ) : (
        <DataTable label={t("my_calls.title")} rows={rows} columns={columns} keyOf={(c) => c.seq} more={list.hasNextPage} onEnd={() => !list.isFetchingNextPage && void list.fetchNextPage()}
          empty={list.isPending ? <Waiting /> : <Empty title={t("my_calls.empty")} text={t("my_calls.empty_text")} />} />
      )}
    </Page>
  );
}

function useColumns(sentenceOf: (ref: string) => string | undefined): Column<CDR>[] {
  return useMemo(
    () => [
      { label: "my_calls.at", narrow: true, render: (c) => <a className="tg-link" href={hrefOf(`/call/${encodeURIComponent(c.id)}`)}><When at={c.started} /></a> },
      { label: "my_calls.from", render: (c) => <Group gap={6} wrap="nowrap"><Direction of={c.direction} /><PartyText text={c.from} /></Group> },
      { label: "my_calls.to", render: (c) => <PartyText text={c.to} /> },
      { label: "my_calls.outcome", narrow: true, render: (c) => <VerdictBadge verdict={verdictOf(c)} status={c.status} /> },
      { label: "my_calls.duration", right: true, narrow: true, render: (c) => (c.answered ? spanText(c.duration_seconds) : "") },
      { label: "my_calls.why", render: (c) => c.reason !== "ok" && <span title={c.reason}>{sentenceOf(c.ref) ?? c.reason}</span> },
      { label: "my_calls.ref", narrow: true, render: (c) => c.reason !== "ok" && <WireText>{c.ref}</WireText> },
    ],
    [sentenceOf],
  );
}
