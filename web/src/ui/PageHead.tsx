// The head of a page: its title, what can be done, and the API calls behind it.

import { ActionIcon, Code, Group, Popover, ScrollArea, Stack, Text, Title, Tooltip } from "@mantine/core";
import { IconCode } from "@tabler/icons-react";
import { type ReactNode, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { useJournal } from "~/api/journal";
import { Copy } from "./CopyOnce";

export function PageHead({ title, children, note }: { title: string; children?: ReactNode; note?: ReactNode }) {
  useEffect(() => {
    document.title = `${title} - Tollgate`;
  }, [title]);
  return (
    <Group justify="space-between" gap="sm" mb="sm" mih={34}>
      <Group gap="sm" align="baseline">
        <Title order={1}>{title}</Title>
        {note && (
          <Text size="sm" c="dimmed" component="div">
            {note}
          </Text>
        )}
      </Group>
      <Group gap="xs">
        {children}
        <BehindIt />
      </Group>
    </Group>
  );
}

/** The requests that this page has made, as a shell would make them. */
function BehindIt() {
  const { t } = useTranslation();
  const calls = useJournal();
  return (
    <Popover width={560} position="bottom-end" withArrow shadow="md" trapFocus>
      <Popover.Target>
        <Tooltip label={t("ui.api_call")}>
          <ActionIcon variant="default" size={30} aria-label={t("ui.api_call")}>
            <IconCode size={16} stroke={1.6} />
          </ActionIcon>
        </Tooltip>
      </Popover.Target>
      <Popover.Dropdown>
        <Text size="sm" fw={600} mb={4}>
          {t("ui.api_call")}
        </Text>
        <Text size="xs" c="dimmed" mb="xs">
          {t("ui.api_key_note")}
        </Text>
        {calls.length === 0 && <Text size="sm">{t("ui.api_none")}</Text>}
        <ScrollArea.Autosize mah={320} tabIndex={0}>
          <Stack gap={4}>
            {calls.map((c) => {
              const line = curlOf(c.method, c.path);
              return (
                <Group key={c.method + c.path} gap={4} wrap="nowrap">
                  <Code flex={1} style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
                    {line}
                  </Code>
                  <Copy text={line} />
                </Group>
              );
            })}
          </Stack>
        </ScrollArea.Autosize>
      </Popover.Dropdown>
    </Popover>
  );
}

function curlOf(method: string, path: string): string {
  const verb = method === "GET" ? "" : `-X ${method} `;
  return `curl ${verb}-H "Authorization: Bearer $KEY" '${location.origin}${path.replaceAll("'", "%27")}'`;
}
