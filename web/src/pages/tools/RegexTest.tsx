// "Check your regex": many texts, tried by the very engine that matches traffic.

import { Alert, Badge, Button, Group, Select, SimpleGrid, Stack, Table, Text, TextInput, Textarea } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { asProblem, sentence } from "~/api/problem";
import { WireText } from "~/ui/WireText";
import { sampled, useSamples } from "./samples";
import { cutAt, linesOf, useTry } from "./try";

export interface Pattern {
  value: string;
  match: string;
  header?: string;
}

interface Props {
  pattern: Pattern;
  onChange: (pattern: Pattern) => void;
  customer?: number;
}

const mono = { input: { fontFamily: "var(--mantine-font-family-monospace)" } };
const most = 1000; // the API's

export function RegexTest({ pattern, onChange, customer }: Props) {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  const strings = linesOf(text).slice(0, most);
  const tried = useTry<Schemas["RegexOutputBody"]>("regex", pattern.value === "" ? undefined : { value: pattern.value, match: pattern.match, strings });
  const problem = tried.error ? asProblem(tried.error) : undefined;
  const fault = problem?.faults[0];
  return (
    <Stack gap="sm">
      <Group gap="sm" align="start" wrap="nowrap">
        <Select label={t("tools.match")} w={170} value={pattern.match} allowDeselect={false} onChange={(v) => onChange({ ...pattern, match: v ?? "regex" })}
          data={["regex", "word", "cidr"].map((value) => ({ value, label: t(`tools.match_${value}`) }))} />
        <TextInput flex={1} label={t("tools.value")} value={pattern.value} onChange={(e) => onChange({ ...pattern, value: e.currentTarget.value })} styles={mono} spellCheck={false}
          autoComplete="off" error={fault ? sentence(fault) : problem?.message} />
      </Group>
      {fault?.offset_char !== undefined && <FaultAt value={pattern.value} at={fault.offset_char} />}
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="md">
        <Stack gap="xs">
          <Textarea label={t("tools.strings")} description={t("tools.strings_help")} value={text} onChange={(e) => setText(e.currentTarget.value)} rows={12} styles={mono} spellCheck={false} />
          <Samples header={pattern.header} customer={customer} onFound={(values) => setText((old) => (old && !old.endsWith("\n") ? old + "\n" : old) + values.join("\n") + "\n")} />
        </Stack>
        <Results strings={strings} results={problem ? [] : (tried.data?.results ?? [])} stale={tried.isFetching} />
      </SimpleGrid>
    </Stack>
  );
}

function FaultAt({ value, at }: { value: string; at: number }) {
  const { t } = useTranslation();
  const [before, wrong, after] = cutAt(value, at, at + 1);
  return (
    <Text size="sm" component="div">
      {t("tools.fault_at")} <WireText>{before}</WireText>
      <mark className="tg-control" style={{ fontFamily: "var(--mantine-font-family-monospace)" }}>
        {wrong || "␃"}
      </mark>
      <WireText>{after}</WireText>
    </Text>
  );
}

function Samples({ header, customer, onFound }: { header?: string; customer?: number; onFound: (values: string[]) => void }) {
  const { t } = useTranslation();
  const samples = useSamples(customer);
  const [from, setFrom] = useState(header && sampled.includes(header) ? header : "user-agent");
  return (
    <Stack gap={4}>
      <Group gap="xs" align="end">
        <Select size="xs" label={t("tools.samples_of")} value={from} allowDeselect={false} onChange={(v) => setFrom(v ?? from)} data={sampled.map((value) => ({ value, label: t(`firewall.option.header.${value}`) }))} />
        <Button size="xs" variant="default" loading={samples.isPending} onClick={() => samples.mutate(from, { onSuccess: onFound })}>
          {t("tools.samples_add")}
        </Button>
      </Group>
      {samples.data?.length === 0 && <Text size="xs" c="dimmed">{t("tools.samples_none")}</Text>}
      {samples.isError && <Alert color="red" py="xs">{asProblem(samples.error).message}</Alert>}
    </Stack>
  );
}

function Results({ strings, results, stale }: { strings: string[]; results: Schemas["Tried"][]; stale: boolean }) {
  const { t } = useTranslation();
  const shown = strings.slice(0, results.length);
  const matching = results.slice(0, shown.length).filter((r) => r.matches).length;
  return (
    <div style={{ opacity: stale ? 0.7 : 1 }}>
      <Text size="sm" fw={500} role="status">
        {t("tools.of_match", { count: shown.length, matching })}
      </Text>
      <div className="tg-table-box" style={{ maxHeight: 330, marginTop: 6 }} tabIndex={0} role="region" aria-label={t("tools.results")}>
        <Table fz="sm" verticalSpacing={4}>
          <Table.Tbody>
            {shown.map((text, i) => (
              <Table.Tr key={i}>
                <Table.Td w={120}>
                  <Badge color={results[i]?.matches ? "green" : results[i]?.reason ? "yellow" : "gray"}>{t(results[i]?.matches ? "tools.matches" : "tools.matches_not")}</Badge>
                </Table.Td>
                <Table.Td style={{ overflowWrap: "anywhere" }}>
                  <Highlighted text={text} tried={results[i] as Schemas["Tried"]} />
                  {results[i]?.text && <Text size="xs" c="dimmed">{results[i]?.text}</Text>}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
        {shown.length === 0 && <Text size="sm" c="dimmed" p="sm">{t("tools.no_strings")}</Text>}
      </div>
    </div>
  );
}

/** A text with the part that matches marked: by colour, weight and underline. */
function Highlighted({ text, tried }: { text: string; tried: Schemas["Tried"] }) {
  const { t } = useTranslation();
  if (text === "") return <Text size="sm" c="dimmed" span>{t("tools.empty_string")}</Text>;
  if (!tried.matches) return <WireText>{text}</WireText>;
  const [before, hit, after] = cutAt(text, tried.start_char, tried.end_char);
  return (
    <>
      <WireText>{before}</WireText>
      {hit && (
        <mark style={{ background: "var(--mantine-color-green-light)", color: "var(--mantine-color-green-light-color)", fontWeight: 600, textDecoration: "underline", borderRadius: 2 }}>
          <WireText>{hit}</WireText>
        </mark>
      )}
      <WireText>{after}</WireText>
    </>
  );
}
