// The customer's own first page: how much of his account is in use, who holds its channels, and how to
// have more.

import { Alert, Button, Grid, Group, Paper, Progress, Stack, Table, Text, Title } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { useItem, useItems } from "~/api/nouns";
import { Failed, Waiting } from "~/frame/States";
import { useMay, useSession } from "~/session/SessionProvider";
import { Page } from "~/ui/Page";
import { When } from "~/look/When";
import { WireText } from "~/ui/WireText";
import { hrefOf } from "~/url";
import { useOverview } from "../overview/numbers";
import { useCapacity } from "../sip-users/Capacity";
import { Refusals } from "../my-calls/Refusals";
import { AskDialog } from "./AskDialog";
import { Withdraw } from "./Withdraw";

export default function Account() {
  const { t } = useTranslation();
  const { customer_id: own, customer = "" } = useSession();
  const { write } = useMay();
  const [asking, setAsking] = useState(false);
  return (
    <Page title={t("account.title")} note={customer}
      actions={write && <Button leftSection={<IconPlus size={16} />} onClick={() => setAsking(true)}>{t("account.ask")}</Button>}>
      {own === undefined ? <Waiting /> : <Use customer={own} />}
      {asking && <AskDialog onClose={() => setAsking(false)} />}
    </Page>
  );
}

function Use({ customer }: { customer: number }) {
  const { t } = useTranslation();
  const { limit, sum, count } = useCapacity(customer);
  const owner = useItem<Schemas["Customer"]>("customers", customer, { every: 3_000 });
  const { data: now } = useOverview(customer);
  if (owner.isError) return <Failed error={owner.error} reset={() => void owner.refetch()} />;
  if (!owner.data) return <Waiting />;
  const mine = owner.data.body.use;
  return (
    <Stack gap="md">
      <Grid gap="md">
        <Tile label={t("account.calls")} value={mine.calls} of={limit} note={t("account.peak", { count: mine.peak })} href={hrefOf("/calls")} more={t("account.see_calls")} />
        <Tile label={t("account.given")} value={sum ?? 0} of={limit} note={!limit || sum === undefined ? "" : sum >= limit ? t("sip-users.none_left") : t("sip-users.left", { count: limit - sum })} href={hrefOf("/phones")} more={t("account.see_phones")} />
        <Tile label={t("account.registered")} value={now?.registrations ?? 0} note={t("account.users", { count: count ?? 0 })} href={hrefOf("/registrations")} more={t("account.see_registered")} />
      </Grid>
      <Wishes customer={customer} />
      <section>
        <Title order={2} size="h4" mb={6}>{t("account.refusals")}</Title>
        <Refusals most={8} />
      </section>
    </Stack>
  );
}

interface TileProps {
  label: string;
  value: number;
  of?: number;
  note: string;
  href: string;
  more: string;
}

function Tile({ label, value, of, note, href, more }: TileProps) {
  const { t } = useTranslation();
  const share = of ? Math.min(100, (value / of) * 100) : 0;
  return (
    <Grid.Col span={{ base: 12, sm: 4 }}>
      <Paper withBorder p="md" h="100%">
        <Text size="sm" c="dimmed">{label}</Text>
        <Text fz={30} fw={600} lh={1.25} style={{ fontVariantNumeric: "tabular-nums" }}>
          {value}
          {of !== undefined && <Text span size="lg" c="dimmed" fw={400}> / {of || t("ui.unlimited")}</Text>}
        </Text>
        {!!of && <Progress my={6} value={share} aria-label={`${label}: ${value} / ${of}`} color={share >= 100 ? "red" : share >= 80 ? "yellow" : "petrol"} />}
        <Group justify="space-between" gap="xs" mt={4}>
          <Text size="sm" c="dimmed">{note}</Text>
          <a className="tg-link" href={href}><Text span size="sm">{more}</Text></a>
        </Group>
      </Paper>
    </Grid.Col>
  );
}

/** What was asked for and is not answered yet. */
function Wishes({ customer }: { customer: number }) {
  const { t } = useTranslation();
  const { write } = useMay();
  const list = useItems<Schemas["ChannelRequest"]>("requests", { customer });
  if (!list.data?.length) return null;
  return (
    <Alert color="blue" title={t("account.asked")} py="sm">
      <Table fz="sm" verticalSpacing={4}>
        <Table.Tbody>
          {list.data.map((wish) => (
            <Table.Tr key={wish.id}>
              <Table.Td>{t("account.asked_for", { count: wish.channels })}</Table.Td>
              <Table.Td><WireText>{wish.text}</WireText></Table.Td>
              <Table.Td><WireText>{wish.who}</WireText></Table.Td>
              <Table.Td><When at={wish.at} /></Table.Td>
              {write && <Table.Td ta="right"><Withdraw id={wish.id} /></Table.Td>}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Alert>
  );
}
