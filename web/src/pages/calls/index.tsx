// The calls that live: both legs, how they sound, how long; hang up one or many.

import { Button, Group, SegmentedControl, Text } from "@mantine/core";
import { IconPhoneOff } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useCustomer } from "~/frame/CustomerFilter";
import { Failed, Waiting } from "~/frame/States";
import { useMay } from "~/session/SessionProvider";
import { Direction, Mos, PartyText } from "~/ui/CallBits";
import { CustomerName } from "~/ui/CustomerName";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { Page } from "~/ui/Page";
import { TextFilter } from "~/ui/ResourcePage";
import { Duration } from "~/look/When";
import { WireText } from "~/ui/WireText";
import { heardOf } from "~/ui/quality";
import { hrefOf, useUrl } from "~/url";
import { HangUp } from "./HangUp";
import { type Live, type Order, shownOf, useLiveCalls } from "./live";

const orders: Order[] = ["newest", "longest", "worst"];

export default function Calls() {
  const { t, i18n } = useTranslation();
  const customer = useCustomer();
  const { write } = useMay();
  const [{ q = "", order: wanted }, set] = useUrl();
  const order = orders.find((o) => o === wanted) ?? "newest";
  const { calls, error, reload } = useLiveCalls(customer);
  const rows = useMemo(() => (calls ? shownOf(calls, q, order, (c) => heardOf(c.media)?.mos) : []), [calls, q, order]);
  const [selected, setSelected] = useState<Set<string | number>>(new Set());
  const [hanging, setHanging] = useState<string[]>();
  const chosen = useMemo(() => rows.filter((c) => selected.has(c.id)).map((c) => c.id), [rows, selected]); // those that are still up
  const columns = useColumns(customer === undefined, i18n.language);
  const empty = calls === undefined ? <Waiting /> : q ? <Empty title={t("ui.nothing_matches", { q })} /> : <Empty title={t("calls.none")} text={t("calls.none_text")} />;
  return (
    <Page title={t("calls.title")}>
      <Group mb="sm" gap="sm">
        <TextFilter label={t("calls.filter")} />
        <SegmentedControl size="xs" value={order} onChange={(v) => set({ order: v === "newest" ? undefined : v }, { replace: true })} aria-label={t("calls.order")}
          data={orders.map((value) => ({ value, label: t(`calls.order_${value}`) }))} />
        <Text size="sm" c="dimmed">
          {calls && (rows.length === calls.length ? t("calls.up", { count: calls.length }) : t("calls.up_of", { count: calls.length, shown: rows.length }))}
        </Text>
        {chosen.length > 0 && (
          <Button ml="auto" variant="default" c="var(--mantine-color-error)" leftSection={<IconPhoneOff size={15} />} onClick={() => setHanging(chosen)}>
            {t("calls.hang_up", { count: chosen.length })}
          </Button>
        )}
      </Group>
      {error !== undefined && calls === undefined ? (
        <Failed error={error} reset={reload} />
      ) : (
        <DataTable label={t("calls.title")} rows={rows} columns={columns} keyOf={(c) => c.id} empty={empty} selected={write ? selected : undefined} onSelect={write ? setSelected : undefined} />
      )}
      {hanging && <HangUp ids={hanging} onClose={() => setHanging(undefined)} onDone={() => (setSelected(new Set()), reload())} />}
    </Page>
  );
}

function useColumns(all: boolean, language: string): Column<Live>[] {
  return useMemo(
    () => [
      {
        label: "calls.from",
        render: (c) => (
          <Group gap={6} wrap="nowrap">
            <Direction of={c.direction} />
            <a className="tg-link" href={hrefOf(`/call/${encodeURIComponent(c.id)}`)}><PartyText text={c.from} /></a>
          </Group>
        ),
      },
      { label: "calls.to", render: (c) => <PartyText text={c.to} /> },
      { label: "calls.customer", hidden: !all, render: (c) => <CustomerName id={c.customer_id} name={c.customer} /> },
      { label: "calls.source", render: (c) => <WireText>{c.source}</WireText> },
      { label: "calls.destination", render: (c) => <span title={c.target}>{c.destination ? <WireText>{c.destination}</WireText> : <WireText>{c.target}</WireText>}</span> },
      { label: "calls.state", narrow: true, render: (c) => <State of={c} /> },
      { label: "calls.codec", narrow: true, render: (c) => <WireText>{heardOf(c.media)?.codec}</WireText> },
      { label: "calls.mos", narrow: true, right: true, render: (c) => <Sounds call={c} language={language} /> },
      { label: "calls.loss", narrow: true, right: true, render: (c) => <Loss call={c} language={language} /> },
      { label: "calls.duration", narrow: true, right: true, render: (c) => <Duration since={c.answered ?? c.started} /> },
    ],
    [all, language],
  );
}

function State({ of: c }: { of: Live }) {
  const { t } = useTranslation();
  return <Text size="sm" c={c.answered ? undefined : "dimmed"}>{t(`calls.state_${c.state}`, { defaultValue: c.state })}</Text>;
}

function Sounds({ call, language }: { call: Live; language: string }) {
  const { t } = useTranslation();
  if (call.one_way) return <Text size="sm" c="var(--mantine-color-error)" fw={600}>{t("calls.one_way")}</Text>;
  return <Mos value={heardOf(call.media)?.mos} language={language} />;
}

function Loss({ call, language }: { call: Live; language: string }) {
  const loss = heardOf(call.media)?.loss;
  if (loss === undefined) return null;
  return <span>{new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(loss)} %</span>;
}
