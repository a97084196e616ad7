// What becomes of a number, step by step; and a regex made from examples.

import { Alert, Badge, Button, Code, Group, Stack, Table, Text, TextInput, Textarea } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { asProblem, sentence } from "~/api/problem";
import { Copy } from "~/ui/CopyOnce";
import { WireText } from "~/ui/WireText";
import { allWrong, linesOf, useTry } from "./try";

type Query = Partial<Schemas["RewriteQuery"]>;
type Output = Schemas["RewriteOutputBody"];

const mono = { input: { fontFamily: "var(--mantine-font-family-monospace)" } };

/** rules: those of a form or of the tool, with the customer whose prefixes hold. */
export function RewriteTest({ rules }: { rules: Query }) {
  const { t } = useTranslation();
  const [destination, setDestination] = useState("");
  const [cli, setCLI] = useState("");
  const tried = useTry<Output>("rewrite", destination || cli ? { ...rules, destination, cli } : undefined);
  return (
    <Stack gap="sm">
      <Group gap="sm" grow>
        <TextInput label={t("tools.number_called")} placeholder="90401234567" value={destination} onChange={(e) => setDestination(e.currentTarget.value)} styles={mono} autoComplete="off" />
        <TextInput label={t("tools.number_calling")} placeholder="0401112233" value={cli} onChange={(e) => setCLI(e.currentTarget.value)} styles={mono} autoComplete="off" />
      </Group>
      {tried.error && <Alert color="red" py="xs">{allWrong(tried.error)}</Alert>}
      {(destination || cli) && tried.data && !tried.error && <Steps output={tried.data} />}
    </Stack>
  );
}

function Steps({ output }: { output: Output }) {
  const { t } = useTranslation();
  return (
    <Stack gap="xs">
      <Table fz="sm" verticalSpacing={4} withTableBorder>
        <Table.Thead>
          <Table.Tr>
            <Table.Th w={36} ta="right">#</Table.Th>
            <Table.Th>{t("tools.step")}</Table.Th>
            <Table.Th>{t("tools.before")}</Table.Th>
            <Table.Th>{t("tools.after")}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {output.steps.map((s, i) => (
            <Table.Tr key={i}>
              <Table.Td ta="right">{i + 1}</Table.Td>
              <Table.Td>
                {s.text}
                {!s.changed && <Badge ml={6} size="sm" color="gray">{t("tools.unchanged")}</Badge>}
              </Table.Td>
              <Table.Td><WireText>{s.before}</WireText></Table.Td>
              <Table.Td fw={s.changed ? 600 : 400}><WireText>{s.after}</WireText></Table.Td>
            </Table.Tr>
          ))}
          {output.steps.length === 0 && (
            <Table.Tr>
              <Table.Td colSpan={4} c="dimmed">{t("tools.no_steps")}</Table.Td>
            </Table.Tr>
          )}
        </Table.Tbody>
      </Table>
      <Group gap="lg">
        <Result label={t("tools.number_called")} value={output.destination} />
        <Result label={t("tools.number_calling")} value={output.cli} />
        {output.from !== output.cli && <Result label={t("tools.from_shows")} value={output.from} />}
      </Group>
    </Stack>
  );
}

function Result({ label, value }: { label: string; value: string }) {
  if (!value) return null;
  return (
    <Text size="sm" component="div">
      <Text span c="dimmed" size="sm">{label}: </Text>
      <Text span fw={600} size="sm"><WireText>{value}</WireText></Text>
    </Text>
  );
}

/** A regex that matches all examples and no counter-example; onUse: puts one where it is wanted. */
export function FromExamples({ onUse }: { onUse?: (regex: string) => void }) {
  const { t } = useTranslation();
  const [yes, setYes] = useState("");
  const [no, setNo] = useState("");
  const clean = (text: string) => linesOf(text).map((l) => l.trim()).filter(Boolean).slice(0, 100);
  const examples = clean(yes);
  const tried = useTry<Output>("rewrite", examples.length ? { examples, counter_examples: clean(no) } : undefined);
  const problem = tried.error ? asProblem(tried.error) : undefined;
  return (
    <Stack gap="sm">
      <Group gap="sm" grow align="start">
        <Textarea label={t("tools.examples")} description={t("tools.examples_help")} rows={5} value={yes} onChange={(e) => setYes(e.currentTarget.value)} styles={mono} spellCheck={false} />
        <Textarea label={t("tools.counter_examples")} description={t("tools.counter_examples_help")} rows={5} value={no} onChange={(e) => setNo(e.currentTarget.value)} styles={mono} spellCheck={false} />
      </Group>
      {problem && <Alert color="red" py="xs">{problem.faults[0] ? sentence(problem.faults[0]) : problem.message}</Alert>}
      {examples.length > 0 && !problem && tried.data?.regexes.length === 0 && <Text size="sm">{t("tools.no_regex")}</Text>}
      {examples.length > 0 && !problem && tried.data && tried.data.regexes.length > 0 && (
        <Stack gap={6}>
          <Text size="sm" c="dimmed">{t("tools.regexes")}</Text>
          {tried.data.regexes.map((regex) => (
            <Group key={regex} gap="xs" wrap="nowrap">
              <Code flex={1} style={{ overflowWrap: "anywhere" }}><WireText>{regex}</WireText></Code>
              <Copy text={regex} label={`${t("ui.copy")}: ${regex}`} />
              {onUse && <Button size="xs" variant="default" onClick={() => onUse(regex)}>{t("tools.use")}</Button>}
            </Group>
          ))}
        </Stack>
      )}
    </Stack>
  );
}
