// What was decided about calls and other requests, the latest first; a refused caller's reference leads here.

import { Button, Checkbox, Group, Text, TextInput } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { useEvent } from "~/api/events";
import { useList } from "~/api/nouns";
import { useCustomer } from "~/frame/CustomerFilter";
import { Failed, Waiting } from "~/frame/States";
import { PartyText, VerdictBadge } from "~/ui/CallBits";
import { CustomerName } from "~/ui/CustomerName";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { Page } from "~/ui/Page";
import { RangeFilter, useRange } from "~/ui/RangeFilter";
import { TextFilter } from "~/ui/ResourcePage";
import { When } from "~/look/When";
import { WireText } from "~/ui/WireText";
import { verdictOf } from "~/ui/party";
import { hrefOf, useUrl } from "~/url";
import { ReasonFilter, StatusFilter } from "../cdrs/filters";

type Decision = Schemas["Decision"];

export default function Decisions() {
  const { t } = useTranslation();
  const customer = useCustomer();
  const range = useRange();
  const [{ q, ref, refused, reason, status }, set] = useUrl();
  const list = useList<Decision>("decisions", { customer, q, ref, refused: refused === "1" || undefined, reason, status, ...range });
  const rows = list.data ?? [];
  const columns = useColumns(customer === undefined);
  const empty = list.isPending ? (
    <Waiting />
  ) : (
    <Empty title={t("calls.no_decisions")} text={t("calls.no_decisions_text")}>
      {range.since && (
        <Button variant="default" size="xs" onClick={() => set({ since: "all", until: undefined })}>
          {t("calls.all_times")}
        </Button>
      )}
    </Empty>
  );
  return (
    <Page title={t("calls.decisions")} actions={<Fresh key={JSON.stringify([customer, q, ref, refused])} onShow={() => list.refetch()} refused={refused === "1"} />}>
      <Group mb="sm" gap="sm">
        <TextFilter label={t("calls.decision_filter")} />
        <Reference />
        <RangeFilter />
        <ReasonFilter />
        <StatusFilter silence />
        <Checkbox label={t("calls.refused_only")} checked={refused === "1"} onChange={(e) => set({ refused: e.currentTarget.checked ? "1" : undefined }, { replace: true })} />
        <Text size="sm" c="dimmed" role="status">
          {list.data && t("ui.rows", { count: rows.length, more: list.hasNextPage ? "+" : "" })}
        </Text>
      </Group>
      {list.isError ? (
        <Failed error={list.error} reset={() => void list.refetch()} />
      ) : (
        <DataTable label={t("calls.decisions")} rows={rows} columns={columns} keyOf={(d) => d.id} empty={empty} more={list.hasNextPage} onEnd={() => !list.isFetchingNextPage && void list.fetchNextPage()} />
      )}
    </Page>
  );
}

function useColumns(all: boolean): Column<Decision>[] {
  return useMemo(
    () => [
      {
        label: "calls.at", narrow: true,
        render: (d) => <a className="tg-link" href={hrefOf(`/call/${encodeURIComponent(d.id)}`)}><When at={d.at} /></a>,
      },
      { label: "calls.customer", hidden: !all, render: (d) => (d.customer_id ? <CustomerName id={d.customer_id} name={d.customer} /> : <Stranger />) },
      { label: "calls.method", narrow: true, render: (d) => <WireText>{d.method}</WireText> },
      { label: "calls.from", render: (d) => <PartyText text={d.from} /> },
      { label: "calls.to", render: (d) => <PartyText text={d.to} /> },
      { label: "calls.source", render: (d) => <WireText>{`${d.source} ${d.transport}`}</WireText> },
      { label: "calls.verdict", narrow: true, render: (d) => <VerdictBadge verdict={verdictOf(d)} status={d.status} /> },
      { label: "calls.why", render: (d) => <Why decision={d} /> },
      { label: "calls.ref", narrow: true, render: (d) => <WireText>{d.ref}</WireText> },
    ],
    [all],
  );
}

function Stranger() {
  const { t } = useTranslation();
  return <Text size="sm" c="dimmed">{t("calls.stranger")}</Text>;
}

function Why({ decision: d }: { decision: Decision }) {
  if (d.reason === "ok") return <Text size="sm" c="dimmed" truncate>{d.destination}</Text>;
  const by = d.rule_name || d.counter || d.limit;
  return (
    <Text size="sm" truncate title={[d.reason, d.sentence, by, d.detail].filter(Boolean).join("\n")}>
      {d.sentence}
      {by ? ` (${by})` : ""}
    </Text>
  );
}

/** The five characters that a refused caller reads out. */
function Reference() {
  const { t } = useTranslation();
  const [{ ref = "" }, set] = useUrl();
  const [text, setText] = useState(ref);
  useEffect(() => setText(ref), [ref]);
  const change = (value: string) => {
    const typed = value.toUpperCase().replace(/[^0-9A-Z]/g, "").slice(0, 5);
    setText(typed);
    if (typed.length === 5 || typed === "") set({ ref: typed || undefined, ...(typed ? { since: "all" } : {}) }, { replace: true });
  };
  return <TextInput w={120} value={text} onChange={(e) => change(e.currentTarget.value)} placeholder={t("calls.ref")} aria-label={t("calls.ref_help")} title={t("calls.ref_help")} ff="monospace" />;
}

/** How many came since the list was read. They are shown when they are asked for: a list that moves cannot be read. */
function Fresh({ onShow, refused }: { onShow: () => void; refused: boolean }) {
  const { t } = useTranslation();
  const [count, setCount] = useState(0);
  useEvent("decision", (data) => {
    const d = data as Decision;
    if (!refused || d.refused) setCount((n) => Math.min(n + (d.ended && !d.refused ? 0 : 1), 1000));
  });
  if (count === 0) return null;
  return (
    <Button variant="light" leftSection={<IconRefresh size={15} />} onClick={() => (setCount(0), onShow())}>
      {t("calls.fresh", { count, more: count === 1000 ? "+" : "" })}
    </Button>
  );
}
