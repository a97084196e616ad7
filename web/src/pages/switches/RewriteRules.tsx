// The rules of a parameter rewrite, in their order. texts: "switches"

import { Button, Group, Modal, Select, Stack, Table, Text, TextInput, VisuallyHidden } from "@mantine/core";
import { IconPlus, IconWand } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { RowAct, RowActs, useRows } from "~/ui/rows";
import { FromExamples } from "../tools/RewriteTest";

type Rewrite = Schemas["Rewrite"];

const mono = { input: { fontFamily: "var(--mantine-font-family-monospace)" } };

/** The list as a field of the form around it, by the name "rewrite". */
export function RewriteRules() {
  const { t } = useTranslation();
  const list = useRows<Rewrite>("rewrite");
  const { rows: rules, error, readOnly, change } = list;
  const [making, setMaking] = useState<number>();
  return (
    <Stack gap="xs">
      {error && <Text size="sm" c="var(--mantine-color-error)" role="alert">{error}</Text>}
      {rules.length > 0 && (
        <Table fz="sm" verticalSpacing={4} horizontalSpacing={6}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th w={28} ta="right">#</Table.Th>
              <Table.Th>{t("switches.rewrite.what")}</Table.Th>
              <Table.Th>{t("switches.rewrite.match")}</Table.Th>
              <Table.Th>{t("switches.rewrite.current")}</Table.Th>
              <Table.Th>{t("switches.rewrite.new")}</Table.Th>
              <Table.Th w={120}><VisuallyHidden>{t("ui.actions")}</VisuallyHidden></Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rules.map((rule, i) => (
              <Table.Tr key={i}>
                <Table.Td ta="right">{i + 1}</Table.Td>
                <Table.Td>
                  <Select size="xs" w={130} aria-label={t("switches.rewrite.what")} value={rule.what} readOnly={readOnly} allowDeselect={false} onChange={(v) => change(i, { what: v ?? "destination" })}
                    data={["destination", "cli"].map((v) => ({ value: v, label: t(`switches.rewrite.what_${v}`) }))} />
                </Table.Td>
                <Table.Td>
                  <Select size="xs" w={110} aria-label={t("switches.rewrite.match")} value={rule.match} readOnly={readOnly} allowDeselect={false} onChange={(v) => change(i, { match: v ?? "prefix" })}
                    data={["prefix", "regex"].map((v) => ({ value: v, label: t(`switches.rewrite.match_${v}`) }))} />
                </Table.Td>
                <Table.Td>
                  <TextInput size="xs" aria-label={t("switches.rewrite.current")} value={rule.current} readOnly={readOnly} onChange={(e) => change(i, { current: e.currentTarget.value })} styles={mono} spellCheck={false} autoComplete="off" />
                </Table.Td>
                <Table.Td>
                  <TextInput size="xs" aria-label={t("switches.rewrite.new")} value={rule.new} readOnly={readOnly} onChange={(e) => change(i, { new: e.currentTarget.value })} styles={mono} spellCheck={false} autoComplete="off" />
                </Table.Td>
                <Table.Td>
                  <RowActs of={list} i={i} remove={t("switches.rewrite.remove", { place: i + 1 })}>
                    <RowAct label={t("switches.rewrite.examples")} icon={<IconWand size={15} />} onClick={() => setMaking(i)} />
                  </RowActs>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      {!readOnly && (
        <Group>
          <Button size="xs" variant="default" leftSection={<IconPlus size={14} />} onClick={() => list.add({ what: "destination", match: "prefix", current: "", new: "" })}>
            {t("switches.rewrite.add")}
          </Button>
        </Group>
      )}
      {making !== undefined && (
        <Modal opened onClose={() => setMaking(undefined)} size="xl" title={t("switches.rewrite.examples")} closeButtonProps={{ "aria-label": t("ui.close") }}>
          <FromExamples onUse={(regex) => (change(making, { match: "regex", current: regex }), setMaking(undefined))} />
        </Modal>
      )}
    </Stack>
  );
}
