// The records of call attempts that are over, the latest first: answered, not answered and refused ones.

import { Button, Group, Menu, Select, Text } from "@mantine/core";
import { IconChevronDown, IconDownload } from "@tabler/icons-react";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { type Query, type Schemas, address } from "~/api/client";
import { useList } from "~/api/nouns";
import { useCustomer } from "~/frame/CustomerFilter";
import { Failed, Waiting } from "~/frame/States";
import { Direction, Mos, PartyText, VerdictBadge } from "~/ui/CallBits";
import { CustomerName } from "~/ui/CustomerName";
import { type Choosable, useColumnChoice } from "~/ui/Columns";
import { DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { Page } from "~/ui/Page";
import { RangeFilter, useRange } from "~/ui/RangeFilter";
import { TextFilter } from "~/ui/ResourcePage";
import { When, spanText } from "~/look/When";
import { WireText } from "~/ui/WireText";
import { verdictOf } from "~/ui/party";
import { heardOf } from "~/ui/quality";
import { hrefOf, useUrl } from "~/url";
import { ReasonFilter, StatusFilter } from "./filters";

type CDR = Schemas["CDR"];

const verdicts = ["answered", "failed", "refused"];

export default function CDRs() {
  const { t, i18n } = useTranslation();
  const customer = useCustomer();
  const range = useRange();
  const [{ q, verdict, reason, status }, set] = useUrl();
  const query: Query = { customer, q, verdict, reason, status, ...range };
  const list = useList<CDR>("cdrs", { ...query, newest: true });
  const rows = list.data ?? [];
  const { shown, chooser } = useColumnChoice("cdrs", useColumns(customer === undefined, i18n.language));
  const narrowed = q || verdict || reason || status;
  const empty = list.isPending ? (
    <Waiting />
  ) : (
    <Empty title={t(narrowed ? "calls.no_cdrs_match" : "calls.no_cdrs")} text={t(narrowed ? "calls.no_cdrs_match_text" : "calls.no_cdrs_text")}>
      <Group>
        {narrowed && (
          <Button variant="default" size="xs" onClick={() => set({ q: undefined, verdict: undefined, reason: undefined, status: undefined })}>
            {t("calls.clear")}
          </Button>
        )}
        {range.since && (
          <Button variant="default" size="xs" onClick={() => set({ since: "all", until: undefined })}>
            {t("calls.all_times")}
          </Button>
        )}
      </Group>
    </Empty>
  );
  return (
    <Page title={t("calls.cdrs")} actions={<>{chooser}<Export query={query} /></>}>
      <Group mb="sm" gap="sm">
        <TextFilter label={t("calls.cdr_filter")} />
        <RangeFilter />
        <Select w={160} aria-label={t("calls.verdict")} placeholder={t("calls.verdict")} clearable clearButtonProps={{ "aria-label": t("calls.clear") }} value={verdict ?? null}
          onChange={(v) => set({ verdict: v ?? undefined }, { replace: true })} data={verdicts.map((value) => ({ value, label: t(`calls.verdict_${value}`) }))} />
        <ReasonFilter />
        <StatusFilter />
        <Text size="sm" c="dimmed" role="status">
          {list.data && t("ui.rows", { count: rows.length, more: list.hasNextPage ? "+" : "" })}
        </Text>
      </Group>
      {list.isError ? (
        <Failed error={list.error} reset={() => void list.refetch()} />
      ) : (
        <DataTable label={t("calls.cdrs")} rows={rows} columns={shown} keyOf={(c) => c.seq} empty={empty} more={list.hasNextPage} onEnd={() => !list.isFetchingNextPage && void list.fetchNextPage()} />
      )}
    </Page>
  );
}

function useColumns(all: boolean, language: string): Choosable<CDR>[] {
  return useMemo(
    () => [
      {
        label: "calls.started", narrow: true, fixed: true,
        render: (c) => <a className="tg-link" href={hrefOf(`/call/${encodeURIComponent(c.id)}`, { seq: String(c.seq) })}><When at={c.started} /></a>,
      },
      { label: "calls.customer", hidden: !all, render: (c) => <CustomerName id={c.customer_id} name={c.customer} /> },
      { label: "calls.from", render: (c) => <Group gap={6} wrap="nowrap"><Direction of={c.direction} /><PartyText text={c.from} /></Group> },
      { label: "calls.to", render: (c) => <PartyText text={c.to} /> },
      { label: "calls.switch", render: (c) => <Named id={c.switch_id} name={c.switch} path="/switches" /> },
      { label: "calls.user", render: (c) => <Named id={c.user_id} name={c.user} path="/sip-users" /> },
      { label: "calls.called_user", rare: true, render: (c) => <Named id={c.called_user_id} name={c.called_user} path="/sip-users" /> },
      { label: "calls.source", render: (c) => <WireText>{c.source}</WireText> },
      { label: "calls.destination", render: (c) => <span title={c.target}><WireText>{c.destination || c.target}</WireText></span> },
      { label: "calls.verdict", narrow: true, render: (c) => <VerdictBadge verdict={verdictOf(c)} status={c.status} /> },
      { label: "calls.why", render: (c) => <Why cdr={c} /> },
      { label: "calls.mos", right: true, narrow: true, render: (c) => <Mos value={heardOf(c.media)?.mos} language={language} /> },
      { label: "calls.duration", right: true, narrow: true, render: (c) => (c.answered ? spanText(c.duration_seconds) : "") },
      { label: "calls.ref", narrow: true, render: (c) => <WireText>{c.ref}</WireText> },
    ],
    [all, language],
  );
}

/** A noun by its name; a click leads to it. */
function Named({ id, name, path }: { id?: number; name?: string; path: string }) {
  if (!name) return null;
  return id ? <a className="tg-link" href={hrefOf(path, { edit: String(id) })}><WireText>{name}</WireText></a> : <WireText>{name}</WireText>;
}

/** Why, where the parties did not end it themselves: the reason's sentence, and what decided. */
function Why({ cdr }: { cdr: CDR }) {
  const { t } = useTranslation();
  if (cdr.one_way) return <Text size="sm" c="var(--mantine-color-error)">{t("calls.one_way")}</Text>;
  if (cdr.reason === "ok") return null;
  const by = cdr.rule || cdr.counter || cdr.limit;
  return (
    <Text size="sm" truncate title={[cdr.sentence, cdr.reason, by].filter(Boolean).join("\n")}>
      {cdr.sentence || cdr.reason}
      {by ? ` (${by})` : ""}
      {cdr.repeated ? ` · ${t("calls.repeated", { count: cdr.repeated })}` : ""}
    </Text>
  );
}

/** All that the filters leave, as a file: the API streams it. */
function Export({ query }: { query: Query }) {
  const { t } = useTranslation();
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="default" leftSection={<IconDownload size={15} />} rightSection={<IconChevronDown size={14} />}>
          {t("calls.export")}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {(["csv", "jsonl"] as const).map((format) => (
          <Menu.Item key={format} component="a" href={address("/cdrs", { ...query, format })} download={`cdrs.${format}`}>
            {t(`calls.export_${format}`)}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
