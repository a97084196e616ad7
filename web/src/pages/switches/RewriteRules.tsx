// The rules of a parameter rewrite, in their order. texts: "switches"

import { ActionIcon, Button, Group, Modal, Select, Stack, Table, Text, TextInput, Tooltip, VisuallyHidden } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconPlus, IconTrash, IconWand } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { useField } from "~/ui/Form";
import { FromExamples } from "../tools/RewriteTest";

type Rewrite = Schemas["Rewrite"];

const mono = { input: { fontFamily: "var(--mantine-font-family-monospace)" } };

/** The list as a field of the form around it, by the name "rewrite". */
export function RewriteRules() {
  const { t } = useTranslation();
  const { value, set, error, readOnly } = useField<Rewrite[]>("rewrite");
  const [making, setMaking] = useState<number>();
  const rules = value ?? [];
  const change = (i: number, patch: Partial<Rewrite>) => set(rules.map((r, j) => (j === i ? { ...r, ...patch } : r)));
  const move = (i: number, by: number) => {
    const next = [...rules];
    const [rule] = next.splice(i, 1);
    if (rule) next.splice(i + by, 0, rule);
    set(next);
  };
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
                  {!readOnly && (
                    <Group gap={2} wrap="nowrap" justify="flex-end">
                      <Act label={t("switches.rewrite.examples")} icon={<IconWand size={15} />} onClick={() => setMaking(i)} />
                      <Act label={t("switches.rewrite.up")} icon={<IconArrowUp size={15} />} disabled={i === 0} onClick={() => move(i, -1)} />
                      <Act label={t("switches.rewrite.down")} icon={<IconArrowDown size={15} />} disabled={i === rules.length - 1} onClick={() => move(i, 1)} />
                      <Act label={t("switches.rewrite.remove", { place: i + 1 })} icon={<IconTrash size={15} />} onClick={() => set(rules.filter((_, j) => j !== i))} />
                    </Group>
                  )}
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      {!readOnly && (
        <Group>
          <Button size="xs" variant="default" leftSection={<IconPlus size={14} />} onClick={() => set([...rules, { what: "destination", match: "prefix", current: "", new: "" }])}>
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

function Act({ label, icon, disabled, onClick }: { label: string; icon: React.ReactNode; disabled?: boolean; onClick: () => void }) {
  return (
    <Tooltip label={label}>
      <ActionIcon variant="subtle" color="gray" c="dimmed" size="sm" aria-label={label} disabled={disabled} onClick={onClick}>
        {icon}
      </ActionIcon>
    </Tooltip>
  );
}
