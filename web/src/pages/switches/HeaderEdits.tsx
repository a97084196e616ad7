// The headers that are added to requests, removed from them or replaced in them, in their order. texts: "headers"

import { Button, Group, Select, Stack, Table, Text, TextInput, VisuallyHidden } from "@mantine/core";
import { IconPlus, IconTestPipe } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Schemas } from "~/api/client";
import { Section, useDraft } from "~/ui/Form";
import { RowActs, useRows } from "~/ui/rows";
import { HeaderTest } from "../tools/HeaderTest";

type Edit = Schemas["HeaderEdit"];

const most = 16; // the API's
const mono = { input: { fontFamily: "var(--mantine-font-family-monospace)" } };

/** The list as a part of the form around it, and a tester. through: the switch whose saved list comes first. */
export function HeaderSection({ through }: { through?: number }) {
  const { t } = useTranslation();
  return (
    <Section title={t("headers.title")} text={t("headers.text")}>
      <HeaderEdits />
      <TryIt through={through} />
    </Section>
  );
}

/** The list as a field of the form around it, by the name "headers". */
function HeaderEdits() {
  const { t } = useTranslation();
  const list = useRows<Edit>("headers");
  const { rows: edits, readOnly, change, errorAt } = list;
  return (
    <Stack gap="xs">
      {list.ownError && <Text size="sm" c="var(--mantine-color-error)" role="alert">{list.ownError}</Text>}
      {edits.length > 0 && (
        <Table fz="sm" verticalSpacing={4} horizontalSpacing={6} aria-label={t("headers.title")}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th w={28} ta="right">#</Table.Th>
              <Table.Th w={150}>{t("headers.action")}</Table.Th>
              <Table.Th w="35%">{t("headers.name")}</Table.Th>
              <Table.Th>{t("headers.value")}</Table.Th>
              <Table.Th w={90}><VisuallyHidden>{t("ui.actions")}</VisuallyHidden></Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {edits.map((edit, i) => (
              <Table.Tr key={i}>
                <Table.Td ta="right">{i + 1}</Table.Td>
                <Table.Td>
                  <Select size="xs" aria-label={t("headers.action")} value={edit.action} error={errorAt(edit, "action")} readOnly={readOnly} allowDeselect={false}
                    onChange={(v) => change(i, { action: v ?? "add", ...(v === "remove" && { value: undefined }) })}
                    data={["add", "remove", "replace"].map((v) => ({ value: v, label: t(`headers.action_${v}`) }))} />
                </Table.Td>
                <Table.Td>
                  <TextInput size="xs" aria-label={t("headers.name")} value={edit.name} error={errorAt(edit, "name")} readOnly={readOnly} placeholder="X-Account" onChange={(e) => change(i, { name: e.currentTarget.value })} styles={mono} spellCheck={false} autoComplete="off" />
                </Table.Td>
                <Table.Td>
                  {edit.action !== "remove" && (
                    <TextInput size="xs" aria-label={t("headers.value")} value={edit.value ?? ""} error={errorAt(edit, "value")} readOnly={readOnly} onChange={(e) => change(i, { value: e.currentTarget.value })} styles={mono} spellCheck={false} autoComplete="off" />
                  )}
                </Table.Td>
                <Table.Td>
                  <RowActs of={list} i={i} remove={t("headers.remove", { place: i + 1 })} />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      {!readOnly && (
        <Group>
          <Button size="xs" variant="default" leftSection={<IconPlus size={14} />} disabled={edits.length >= most} onClick={() => list.add({ action: "add", name: "", value: "" })}>
            {t("headers.add")}
          </Button>
        </Group>
      )}
    </Stack>
  );
}

/** The list of the form, tried before it is saved. */
function TryIt({ through }: { through: number | undefined }) {
  const { t } = useTranslation();
  const { headers } = useDraft<{ headers?: Edit[] }>();
  const [open, setOpen] = useState(false);
  if (open) return <HeaderTest edits={{ headers: headers ?? [] }} through={through} />;
  return (
    <Group>
      <Button size="xs" variant="default" leftSection={<IconTestPipe size={15} />} onClick={() => setOpen(true)}>{t("headers.try")}</Button>
    </Group>
  );
}
