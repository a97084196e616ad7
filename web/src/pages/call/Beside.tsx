// The last good call to the same number beside this one, with what was other about it.

import { Alert, Group, Paper, SimpleGrid, Stack, Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { Failed, Waiting } from "~/frame/States";
import { When } from "~/look/When";
import { WireText } from "~/ui/WireText";
import { hrefOf } from "~/url";
import { LadderView } from "./LadderView";
import { useSimilar, useTrace } from "./queries";

export function Beside({ cdr }: { cdr: Schemas["CDR"] }) {
  const { t, i18n } = useTranslation();
  const similar = useSimilar(cdr);
  if (similar.isPending) return <Waiting />;
  if (similar.isError) return <Failed error={similar.error} reset={() => void similar.refetch()} />;
  const { good, differences } = similar.data;
  if (!good) return <Alert color="gray" mb="sm">{t("call.no_good")}</Alert>;
  return (
    <Paper withBorder p="sm" mb="sm">
      <Stack gap="sm">
        <Group gap="sm">
          <Text fw={600} component="h2" size="md">{t("call.good")}</Text>
          <a className="tg-link" href={hrefOf(`/call/${encodeURIComponent(good.id)}`, { seq: String(good.seq) })}>{good.ref}</a>
          <Text size="sm" c="dimmed"><When at={good.started} full /></Text>
        </Group>
        {differences.length === 0 ? (
          <Text size="sm">{t("call.no_differences")}</Text>
        ) : (
          <>
          <Text size="sm">{t("call.differs", { what: new Intl.ListFormat(i18n.language).format(differences.map((d) => t(`call.field_${d.field}`, { defaultValue: d.field }).toLowerCase())) })}</Text>
          <Table fz="sm" verticalSpacing={4} maw={900}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th w={180}>{t("call.difference")}</Table.Th>
                <Table.Th>{t("call.this_call")}</Table.Th>
                <Table.Th>{t("call.good_call")}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {differences.map((d) => (
                <Table.Tr key={d.field}>
                  <Table.Td>{t(`call.field_${d.field}`, { defaultValue: d.field })}</Table.Td>
                  <Table.Td><WireText>{d.bad}</WireText></Table.Td>
                  <Table.Td><WireText>{d.good}</WireText></Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
          </>
        )}
        <SimpleGrid cols={{ base: 1, lg: 2 }}>
          <OneLadder id={cdr.id} title={t("call.this_call")} />
          <OneLadder id={good.id} title={t("call.good_call")} />
        </SimpleGrid>
      </Stack>
    </Paper>
  );
}

function OneLadder({ id, title }: { id: string; title: string }) {
  const { t } = useTranslation();
  const trace = useTrace(id);
  if (trace.isPending) return <Waiting />;
  if (trace.isError) return <Text size="sm" c="dimmed">{t("call.no_trace_text")}</Text>;
  return (
    <div style={{ overflow: "auto", minWidth: 0 }} tabIndex={0} role="region" aria-label={title}>
      <Text size="sm" fw={600} component="h3">{title}</Text>
      <LadderView traced={trace.data} small />
    </div>
  );
}
