// How each destination does now: what is wrong first.

import { Alert, Group, SegmentedControl, Stack, Text } from "@mantine/core";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { useList } from "~/api/nouns";
import { useCustomer } from "~/frame/CustomerFilter";
import { Failed, Waiting } from "~/frame/States";
import { CustomerName } from "~/ui/CustomerName";
import { type Column, DataTable } from "~/ui/DataTable";
import { Empty } from "~/ui/Empty";
import { Page } from "~/ui/Page";
import { TextFilter } from "~/ui/ResourcePage";
import { Duration, When } from "~/look/When";
import { WireText } from "~/ui/WireText";
import { hrefOf, useUrl } from "~/url";
import { StatusBadge } from "../overview/Board";
import { matches, sorted, statusOf } from "./order";

type Destination = Schemas["Destination"];

const every = 5_000; // ms; a change of state comes by itself, round trips do not
const choices = ["all", "down", "up"];

export default function Health() {
  const { t } = useTranslation();
  const customer = useCustomer();
  const [{ q, only = "all" }, set] = useUrl();
  const list = useList<Destination>("destinations", { customer, q, limit: 1000 }, { every });
  const rows = useMemo(() => sorted(list.data ?? []).filter((d) => matches(d, only)), [list.data, only]);
  const down = (list.data ?? []).filter((d) => statusOf(d) === "down").length;
  const columns = useColumns(customer === undefined);
  const empty = list.isPending ? <Waiting /> : q || only !== "all" ? <Empty title={t("health.none_match")} /> : (
    <Empty title={t("health.none")} text={t("health.none_text")}>
      <a className="tg-link" href={hrefOf("/destinations")}>{t("menu.destinations")}</a>
    </Empty>
  );
  return (
    <Page title={t("health.title")}>
      <Stack gap="sm">
        {down > 0 && <Alert color="red" py="xs" role="status">{t("health.down", { count: down })}</Alert>}
        <Group gap="sm">
          <TextFilter label={t("health.filter")} />
          <SegmentedControl size="xs" value={only} onChange={(v) => set({ only: v === "all" ? undefined : v }, { replace: true })} aria-label={t("health.which")}
            data={choices.map((value) => ({ value, label: t(`health.which_${value}`) }))} />
          <Text size="sm" c="dimmed" role="status">{list.data && t("ui.rows", { count: rows.length, more: list.hasNextPage ? "+" : "" })}</Text>
        </Group>
        {list.isError ? (
          <Failed error={list.error} reset={() => void list.refetch()} />
        ) : (
          <DataTable label={t("health.title")} rows={rows} columns={columns} keyOf={(d) => d.id} empty={empty} more={list.hasNextPage} onEnd={() => !list.isFetchingNextPage && void list.fetchNextPage()} />
        )}
      </Stack>
    </Page>
  );
}

function useColumns(all: boolean): Column<Destination>[] {
  return useMemo(
    () => [
      { label: "health.name", render: (d) => <a className="tg-link" href={hrefOf("/destinations", { edit: String(d.id) })}>{d.name}</a> },
      { label: "calls.customer", hidden: !all, render: (d) => <CustomerName id={d.customer_id} name={d.customer} /> },
      { label: "health.state", narrow: true, render: (d) => <StatusBadge status={statusOf(d)} /> },
      { label: "health.since", narrow: true, right: true, render: (d) => d.state.since && <span title={new Date(d.state.since).toISOString()}><Duration since={d.state.since} /></span> },
      { label: "health.rtt", narrow: true, right: true, render: (d) => (d.state.rtt_ms ? `${d.state.rtt_ms.toFixed(1)} ms` : "") },
      { label: "health.last_code", narrow: true, right: true, render: (d) => d.state.last_code || "" },
      { label: "health.address", render: (d) => <WireText>{`${d.host}${d.port ? `:${d.port}` : ""} ${d.protocol}`}</WireText> },
      { label: "health.leads_to", render: (d) => <WireText tip>{d.state.addresses.join(" ")}</WireText> },
      { label: "health.group", narrow: true, right: true, render: (d) => d.group },
      { label: "health.priority", narrow: true, right: true, render: (d) => d.priority },
      { label: "health.registered", narrow: true, render: (d) => <Until of={d} /> },
    ],
    [all],
  );
}

function Until({ of: d }: { of: Destination }) {
  const { t } = useTranslation();
  if (!d.registration) return null;
  return d.registration.registered ? <>{t("health.until")} <When at={d.registration.until} /></> : <Text size="sm" c="var(--mantine-color-error)">{t("registrations.unregistered")}</Text>;
}
