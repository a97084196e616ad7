// The tools by themselves: a regex, a rewriting, headers and a range, tried before they are in a form.

import { Box, Divider, SegmentedControl, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { useCustomer } from "~/frame/CustomerFilter";
import { Form } from "~/ui/Form";
import { Page } from "~/ui/Page";
import { SelectField, TextField } from "~/ui/fields";
import { type Draft } from "~/ui/draft";
import { useUrl } from "~/url";
import { RewriteRules } from "../switches/RewriteRules";
import { CidrTest } from "./CidrTest";
import { type Pattern, RegexTest } from "./RegexTest";
import { FromExamples, RewriteTest } from "./RewriteTest";
import { SavedHeaders } from "./SavedHeaders";

const tools = ["regex", "rewrite", "headers", "cidr"] as const;

export default function Tools() {
  const { t } = useTranslation();
  const [url, setUrl] = useUrl();
  const tool = tools.find((name) => name === url.tool) ?? "regex";
  return (
    <Page title={t("tools.title")} note={t(`tools.about_${tool}`)}>
      <SegmentedControl mb="md" maw="100%" style={{ overflowX: "auto" }} value={tool} onChange={(v) => setUrl({ tool: v })} data={tools.map((value) => ({ value, label: t(`tools.tool_${value}`) }))} aria-label={t("tools.title")} />
      <Box maw={1100} p="md" style={{ border: "1px solid var(--tg-line)", borderRadius: "var(--mantine-radius-sm)", background: "var(--mantine-color-body)" }}>
        {tool === "regex" && <Regex />}
        {tool === "rewrite" && <Rewrite />}
        {tool === "headers" && <SavedHeaders />}
        {tool === "cidr" && <CidrTest start={url.cidr ?? ""} onChange={(cidr) => setUrl({ cidr: cidr || undefined }, { replace: true })} />}
      </Box>
    </Page>
  );
}

function Regex() {
  const customer = useCustomer();
  const [url, setUrl] = useUrl();
  const pattern: Pattern = { value: url.value ?? "", match: url.match ?? "regex", header: url.header };
  return <RegexTest pattern={pattern} customer={customer} onChange={({ value, match }) => setUrl({ value: value || undefined, match: match === "regex" ? undefined : match }, { replace: true })} />;
}

function Rewrite() {
  const { t } = useTranslation();
  const customer = useCustomer();
  const [draft, setDraft] = useState<Draft>({ direction: "egress", dial_pattern: "raw", rewrite: [] });
  const rules = { ...(draft as Partial<Schemas["RewriteQuery"]>), ...(customer ? { customer_id: customer } : {}) };
  return (
    <Stack gap="md">
      <Form ns="switches" draft={draft} onChange={setDraft}>
        <SimpleGrid cols={{ base: 1, sm: 3 }}>
          <SelectField name="direction" values={["egress", "ingress"]} />
          <SelectField name="dial_pattern" values={["raw", "e164", "+e164", "00", "national"]} />
          <TextField name="tech_prefix" mono />
        </SimpleGrid>
        <RewriteRules />
      </Form>
      <Divider />
      <Title order={2}>{t("tools.try_rewrite")}</Title>
      {!customer && <Text size="sm" c="dimmed">{t("tools.no_customer_rewrite")}</Text>}
      <RewriteTest rules={rules} />
      <Divider />
      <Title order={2}>{t("tools.from_examples")}</Title>
      <FromExamples />
    </Stack>
  );
}
