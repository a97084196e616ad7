// What limits calls, from the platform's ceiling down to a switch's channels, and what each holds now.

import { Badge, Group, Text } from "@mantine/core";
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
import { useUrlText } from "~/url";
import { UseBar } from "../customers/Use";

type Use = Schemas["LimitUse"];

export default function Limits() {
  const { t } = useTranslation();
  const customer = useCustomer();
  const [q] = useUrlText("q");
  const list = useList<Use>("limits", { q, customer }, { every: 3_000 });
  const rows = list.data ?? [];
  const columns = useColumns(customer === undefined);
  return (
    <Page title={t("limits.title")} note={t("limits.note")}>
      <Group mb="sm" gap="sm">
        <TextFilter label={t("limits.filter")} />
        <Text size="sm" c="dimmed" role="status">
          {list.data && t("ui.rows", { count: rows.length, more: list.hasNextPage ? "+" : "" })}
        </Text>
      </Group>
      {list.isError ? (
        <Failed error={list.error} reset={() => void list.refetch()} />
      ) : (
        <DataTable label={t("limits.title")} rows={rows} columns={columns} keyOf={(u) => u.scope + (u.id ?? 0)} more={list.hasNextPage} onEnd={() => !list.isFetchingNextPage && void list.fetchNextPage()}
          empty={list.isPending ? <Waiting /> : <Empty title={q ? t("ui.nothing_matches", { q }) : t("limits.empty")} />} />
      )}
    </Page>
  );
}

function useColumns(all: boolean): Column<Use>[] {
  return useMemo(
    () => [
      { label: "limits.scope", narrow: true, render: (u) => <Scope of={u.scope} /> },
      { label: "limits.name", render: (u) => u.name || "–" },
      { label: "limits.customer", hidden: !all, render: (u) => u.customer_id && <CustomerName id={u.customer_id} /> },
      { label: "limits.calls", narrow: true, render: (u) => <UseBar calls={u.calls} limit={u.max_calls} /> },
      { label: "limits.peak", right: true, narrow: true, render: (u) => u.peak },
      { label: "limits.cps", right: true, narrow: true, render: (u) => <Rate cps={u.cps} /> },
    ],
    [all],
  );
}

const colors: Record<Use["scope"], string> = { platform: "petrol", company: "blue", customer: "teal", switch: "gray", profile: "grape" };

function Scope({ of }: { of: Use["scope"] }) {
  const { t } = useTranslation();
  return <Badge color={colors[of]}>{t(`limits.scope_${of}`)}</Badge>;
}

function Rate({ cps }: { cps: number }) {
  const { t } = useTranslation();
  return <>{cps || t("ui.unlimited")}</>;
}
