// One box for all there is: a number, address, Call-ID, user, reference, name or domain.

import { Alert, Badge, Center, Loader, Paper, Stack, Text, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Schemas, call } from "~/api/client";
import { placeOf } from "~/api/find";
import { useCustomer } from "~/frame/CustomerFilter";
import { Failed } from "~/frame/States";
import { Empty } from "~/ui/Empty";
import { Page } from "~/ui/Page";
import { When } from "~/look/When";
import { WireText } from "~/ui/WireText";
import { hrefOf, useUrlText } from "~/url";

type Found = Schemas["FoundItem"];

const least = 2; // characters
const kinds: Found["kind"][] = ["call", "cdr", "decision", "binding", "ban", "customer", "domain", "sip-user", "switch", "destination", "did", "user"];

export default function Find() {
  const { t } = useTranslation();
  const customer = useCustomer();
  const [q, setQ] = useUrlText("q");
  const [text, setText] = useState(q);
  const later = useDebouncedCallback((value: string) => setQ(value.trim() || undefined), 300);
  useEffect(() => setText((typed) => (typed.trim() === q ? typed : q)), [q]);
  const found = useQuery({
    queryKey: ["find", "page", q, customer],
    queryFn: async ({ signal }) => (await call<Schemas["FindAnswer"]>("GET", "/find", { query: { q, customer }, signal })).body,
    enabled: q.length >= least,
  });
  const items = q.length >= least ? (found.data?.items ?? []) : [];
  return (
    <Page title={t("find.title")}>
      <Stack gap="md" maw={980}>
        <TextInput size="md" type="search" value={text} autoFocus aria-label={t("find.what")} placeholder={t("find.what")} leftSection={<IconSearch size={18} />} rightSection={found.isFetching && <Loader size={16} />}
          onChange={(e) => (setText(e.currentTarget.value), later(e.currentTarget.value))} description={customer ? t("find.one_customer") : undefined} />
        {q.length < least ? (
          <Empty title={t("find.start")} text={t("find.start_text")} />
        ) : found.isError ? (
          <Failed error={found.error} reset={() => void found.refetch()} />
        ) : found.isPending ? (
          <Center mih={120}><Loader size="sm" /></Center>
        ) : items.length === 0 ? (
          <Empty title={t("ui.nothing_matches", { q })} text={t(customer ? "find.none_customer" : "find.none")} />
        ) : (
          <Results items={items} q={q} />
        )}
        {found.data?.partial && q.length >= least && <Alert color="yellow" py="xs">{t("find.partial")}</Alert>}
      </Stack>
    </Page>
  );
}

function Results({ items, q }: { items: Found[]; q: string }) {
  const { t } = useTranslation();
  const groups = kinds.map((kind) => ({ kind, of: items.filter((item) => item.kind === kind) })).filter((group) => group.of.length > 0);
  return (
    <Stack gap="sm">
      <Text size="sm" c="dimmed" role="status">{t("find.count", { count: items.length })}</Text>
      {groups.map(({ kind, of }) => (
        <Paper key={kind} withBorder component="section">
          <Text component="h2" size="sm" fw={600} px="sm" py={6} c="dimmed">{t(`kind.${kind.replace("-", "_")}`)}</Text>
          <table className="tg-table">
            <tbody>
              {of.map((item) => (
                <tr key={item.id}>
                  <td style={{ width: "32%" }}><a className="tg-link" href={hrefOf(...placeOf(item))}><WireText>{item.label}</WireText></a></td>
                  <td><WireText>{item.detail}</WireText></td>
                  <td className="tg-narrow">{item.customer && <Badge color="gray">{item.customer}</Badge>}</td>
                  <td className="tg-narrow tg-right"><When at={item.at} /></td>
                </tr>
              ))}
            </tbody>
          </table>
          {of.length >= 8 && <More kind={kind} q={q} />}
        </Paper>
      ))}
    </Stack>
  );
}

/** Where the rest of a kind is listed. */
function More({ kind, q }: { kind: Found["kind"]; q: string }) {
  const { t } = useTranslation();
  const lists: Partial<Record<Found["kind"], string>> = {
    cdr: "/cdrs", decision: "/decisions", call: "/calls", binding: "/registrations", customer: "/customers", domain: "/domains", "sip-user": "/sip-users", switch: "/switches", destination: "/destinations", did: "/numbers", ban: "/bans", user: "/users",
  };
  const to = lists[kind];
  return to ? <Text size="sm" px="sm" py={6}><a className="tg-link" href={hrefOf(to, { q, ...(kind === "cdr" || kind === "decision" ? { since: "all" } : {}) })}>{t("find.all")}</a></Text> : null;
}
