// What becomes of a request's headers, step by step. texts: "headers"

import { Alert, Badge, Code, Group, Stack, Table, Text, Textarea } from "@mantine/core";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { Copy } from "~/ui/CopyOnce";
import { WireText } from "~/ui/WireText";
import { allWrong, useTry } from "./try";

type Query = Partial<Schemas["HeadersQuery"]>;
type Output = Schemas["HeadersOutputBody"];
type Step = Schemas["HeaderStep"];

const mono = { input: { fontFamily: "var(--mantine-font-family-monospace)" } };
const example = `From: <sip:0401112233@pbx.example>;tag=1
To: <sip:390401234567@sip.example>
User-Agent: Example PBX 1.0
X-Account: 1000
Subject: an example
`;

/** edits: a list that is typed, or whose saved one it is. through: the switch whose saved list comes before a typed one. */
export function HeaderTest({ edits, through }: { edits: Query; through?: number }) {
  const { t } = useTranslation();
  const [request, setRequest] = useState(example);
  const first = useTry<Output>("headers", through ? { switch_id: through, request } : undefined);
  const given = through ? first.data?.headers : request;
  const tried = useTry<Output>("headers", given === undefined ? undefined : { ...edits, request: given });
  const wrong = first.error ?? tried.error;
  return (
    <Stack gap="sm">
      <Textarea label={t("headers.request")} description={t("headers.request_help")} value={request} onChange={(e) => setRequest(e.currentTarget.value)} rows={6} styles={mono} spellCheck={false} />
      {wrong && <Alert color="red" py="xs">{allWrong(wrong)}</Alert>}
      {!wrong && tried.data && <Became steps={[...(through ? (first.data?.steps ?? []) : []), ...tried.data.steps]} headers={tried.data.headers} />}
    </Stack>
  );
}

function Became({ steps, headers }: { steps: Step[]; headers: string }) {
  const { t } = useTranslation();
  const id = useId();
  return (
    <Stack gap="xs">
      <Table fz="sm" verticalSpacing={4} withTableBorder aria-label={t("headers.steps")}>
        <Table.Tbody>
          {steps.map((s, i) => (
            <Table.Tr key={i}>
              <Table.Td w={36} ta="right">{i + 1}</Table.Td>
              <Table.Td fw={s.changed ? 600 : 400}>
                {t(`headers.action_${s.action}`)} <WireText>{s.value === undefined ? s.name : `${s.name}: ${s.value}`}</WireText>
              </Table.Td>
              <Table.Td w={140}><Badge color={s.changed ? "green" : "gray"}>{t(s.changed ? "headers.changed" : "headers.unchanged")}</Badge></Table.Td>
            </Table.Tr>
          ))}
          {steps.length === 0 && (
            <Table.Tr>
              <Table.Td c="dimmed">{t("headers.no_steps")}</Table.Td>
            </Table.Tr>
          )}
        </Table.Tbody>
      </Table>
      <Group justify="space-between">
        <Text size="sm" fw={600} id={id}>{t("headers.result")}</Text>
        <Copy text={headers} label={`${t("ui.copy")}: ${t("headers.result")}`} />
      </Group>
      <Code block tabIndex={0} role="region" aria-labelledby={id}>
        <WireText block>{headers}</WireText>
      </Code>
    </Stack>
  );
}
