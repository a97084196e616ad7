// Before a rule is saved: what it would have done to the last day's requests.

import { Alert, Button, Group, Stack, Table, Text } from "@mantine/core";
import { IconChevronRight, IconHistory } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useDebouncedValue } from "@mantine/hooks";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Schemas, call } from "~/api/client";
import { useDraft } from "~/ui/Form";
import { When } from "~/look/When";
import { WireText } from "~/ui/WireText";
import { hrefOf } from "~/url";

type Result = Schemas["PreviewResult"];

interface Rule {
  id?: number;
  customer_id?: number;
  header?: string;
  value?: string;
  match?: string;
  priority?: number;
  action?: string;
  group?: number;
  prefix?: string;
  domain?: string;
}

type Kind = "firewall" | "routing" | "blocklist";

/** What of a form is tried; undefined while something is missing. */
function ruleOf(kind: Kind, { id, header, value, match, priority, action, group, prefix, domain }: Rule): object | undefined {
  if (kind === "blocklist") return prefix ? { prefix, ...(domain ? { domain } : {}) } : undefined;
  if (!header || !value || (kind === "firewall" && !action)) return undefined;
  return { ...(id ? { id } : {}), header, value, match, priority, ...(kind === "firewall" ? { action } : { group }) };
}

/** Follows what is typed, so that nobody has to ask: kind is whose form it is in. */
export function Preview({ kind }: { kind: Kind }) {
  const draft = useDraft<Rule>();
  const { customer_id, action } = draft;
  const rule = ruleOf(kind, draft);
  const [body] = useDebouncedValue(customer_id && rule ? JSON.stringify({ customer_id, rule }) : "", 500);
  const tried = useQuery({
    queryKey: ["tools", kind + "-preview", body],
    queryFn: async ({ signal }) => (await call<Result>("POST", `/tools/${kind}-preview`, { body, signal })).body,
    enabled: body !== "",
    retry: false,
    staleTime: 30_000,
  });
  // What is wrong with the rule is said at its fields when it is saved.
  if (!body || !tried.data || tried.isError) return null;
  return <Told kind={kind} result={tried.data} accepts={action === "accept"} />;
}

function Told({ kind, result, accepts }: { kind: Kind; result: Result; accepts: boolean }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const loud = result.of_registered_phones > 0;
  return (
    <Alert color={loud ? "orange" : "blue"} py="xs" icon={<IconHistory size={17} />} role="status" title={t("firewall.preview")}>
      <Stack gap={4}>
        {result.requests === 0 ? (
          <Text size="sm">{t("firewall.preview_none")}</Text>
        ) : kind === "routing" ? (
          <Text size="sm">{t("rules.preview", { count: result.requests, matched: result.matched, group: result.group ?? 1 })}</Text>
        ) : accepts ? (
          <Text size="sm">{t("firewall.preview_accept", { count: result.requests, matched: result.matched, passes: result.would_pass })}</Text>
        ) : (
          <Text size="sm" fw={loud ? 600 : 400}>{t("firewall.preview_drop", { count: result.requests, drops: result.would_drop, phones: result.of_registered_phones })}</Text>
        )}
        {result.samples.length > 0 && (
          <Group>
            <Button size="compact-xs" variant="subtle" aria-expanded={open} leftSection={<IconChevronRight size={13} style={{ transform: open ? "rotate(90deg)" : undefined }} />} onClick={() => setOpen((v) => !v)}>
              {t("firewall.samples", { count: result.samples.length })}
            </Button>
          </Group>
        )}
        {open && <Samples list={result.samples} />}
      </Stack>
    </Alert>
  );
}

function Samples({ list }: { list: Result["samples"] }) {
  const { t } = useTranslation();
  return (
    <div style={{ overflowX: "auto" }} tabIndex={0} role="region" aria-label={t("firewall.samples", { count: list.length })}>
      <Table fz="xs" verticalSpacing={3} horizontalSpacing={6}>
        <Table.Tbody>
          {list.map((s) => (
            <Table.Tr key={s.decision_id ?? s.from + s.source}>
              <Table.Td><When at={s.at} /></Table.Td>
              <Table.Td>{s.decision_id ? <a className="tg-link" href={hrefOf("/simulator", { decision: s.decision_id })}>{s.method}</a> : s.method}</Table.Td>
              <Table.Td><WireText tip>{s.uri}</WireText></Table.Td>
              <Table.Td><WireText>{s.source}</WireText></Table.Td>
              <Table.Td><WireText tip>{s.user_agent ?? ""}</WireText></Table.Td>
              <Table.Td>{s.registered_phone ? t("firewall.a_phone") : ""}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}
