// Live use against limits.

import { Group, Progress, Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { useItems } from "~/api/nouns";

type LimitUse = Schemas["LimitUse"];

const every = 5_000; // ms

/** A bar: how many calls of how many. */
export function UseBar({ calls, limit }: { calls: number | undefined; limit: number }) {
  const { t } = useTranslation();
  if (calls === undefined) return <Text size="sm" c="dimmed">{limit || t("ui.unlimited")}</Text>;
  const share = limit > 0 ? Math.min(100, (calls / limit) * 100) : 0;
  return (
    <Group gap={8} wrap="nowrap">
      <Text size="sm" miw={64} ta="right">
        {calls}
        <Text span inherit c="dimmed"> / {limit || "∞"}</Text>
      </Text>
      {limit > 0 && <Progress value={share} w={70} size="sm" color={share >= 95 ? "red" : share >= 80 ? "yellow" : "petrol"} aria-label={t("customers.calls_of", { calls, limit })} />}
    </Group>
  );
}

/** All of a customer's limits with their use, in its form. */
export function UseOf({ id }: { id: number }) {
  const { t } = useTranslation();
  const uses = useItems<LimitUse>("limits", { customer: id, limit: 200 }, { every });
  const rows = uses.data?.filter((u) => (u.scope === "customer" && u.id === id) || u.customer_id === id) ?? [];
  if (rows.length === 0) return null;
  return (
    <Table captionSide="top" fz="sm" verticalSpacing={4}>
      <Table.Caption ta="left" mt={0} fw={600} c="var(--mantine-color-text)">{t("customers.use")}</Table.Caption>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t("customers.whose")}</Table.Th>
          <Table.Th>{t("customers.calls_now")}</Table.Th>
          <Table.Th ta="right">{t("customers.peak")}</Table.Th>
          <Table.Th ta="right">{t("customers.field.cps")}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map((u) => (
          <Table.Tr key={u.scope + u.id}>
            <Table.Td>{u.name}</Table.Td>
            <Table.Td><UseBar calls={u.calls} limit={u.max_calls} /></Table.Td>
            <Table.Td ta="right">{u.peak}</Table.Td>
            <Table.Td ta="right">{u.cps || t("ui.unlimited")}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}
