import { Anchor, Badge, Button, Card, Group, SimpleGrid, Stack, Table, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { $api } from "~/api/client";
import { Failed, Waiting } from "~/frame/States";
import { useMay } from "~/session/SessionProvider";
import { Page } from "~/ui/Page";
import { Duration, When } from "~/look/When";
import { WireText } from "~/ui/WireText";

export default function NodePage() {
  const { t } = useTranslation();
  const { admin } = useMay();
  const node = $api.useQuery("get", "/api/v1/node", {}, { refetchInterval: 5_000 });
  if (node.isPending) return <Waiting />;
  if (node.isError) return <Failed error={node.error} reset={() => void node.refetch()} />;
  const info = node.data;
  return (
    <Page title={t("menu.node")}
      actions={
        <>
          <Button component="a" href="/api/v1/export" download="tenants.yaml" variant="default" leftSection={<IconDownload size={15} />}>{t("node.export")}</Button>
          {admin && <Button component="a" href="/api/v1/backup" download variant="default" leftSection={<IconDownload size={15} />}>{t("node.backup")}</Button>}
        </>
      }>
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
        <Panel title={t("node.now")}>
          <Row label={t("node.version")}>{info.version}</Row>
          <Row label={t("node.started")}><When at={info.started} full /> (<Duration since={info.started} />)</Row>
          <Row label={t("node.calls")}>{info.calls}</Row>
          <Row label={t("node.revision")}>{info.revision}</Row>
          <Row label={t("node.state")}><Badge color={info.draining ? "orange" : "green"}>{t(info.draining ? "node.draining" : "node.serving")}</Badge></Row>
        </Panel>
        <Panel title={t("node.kernel")}>
          <Row label={t("node.way")}>{info.bans.way}</Row>
          <Row label={t("node.bans")}>{info.bans.bans}</Row>
          <Row label={t("node.interfaces")}>{info.bans.interfaces}</Row>
          {info.bans.why && <Row label={t("node.why")}>{info.bans.why}</Row>}
        </Panel>
        <Panel title={t("node.listeners")}>
          <Table fz="sm" verticalSpacing={4}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("node.address")}</Table.Th>
                <Table.Th>{t("node.advertise")}</Table.Th>
                <Table.Th>{t("node.network")}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {info.listeners?.map((l) => (
                <Table.Tr key={l.url}>
                  <Table.Td><WireText>{l.url}</WireText></Table.Td>
                  <Table.Td><WireText>{l.advertise}</WireText></Table.Td>
                  <Table.Td>{l.network}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Panel>
        <Panel title={t("node.more")}>
          <Text size="sm">{t("node.more_text")}</Text>
          <Anchor href="/api/openapi.json" size="sm" target="_blank" rel="noreferrer">/api/openapi.json</Anchor>
        </Panel>
      </SimpleGrid>
    </Page>
  );
}

function Panel({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Card withBorder padding="md">
      <Text component="h2" fw={600} mb="xs" mt={0}>{title}</Text>
      <Stack gap={6}>{children}</Stack>
    </Card>
  );
}

function Row({ label, children }: { label: string; children: ReactNode }) {
  return (
    <Group gap="sm" wrap="nowrap" align="start">
      <Text size="sm" c="dimmed" w={130} flex="none">{label}</Text>
      <Text size="sm" component="div">{children}</Text>
    </Group>
  );
}
