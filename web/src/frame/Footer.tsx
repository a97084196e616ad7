import { Anchor, Group, Text, UnstyledButton } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useSession, useSessionState } from "~/session/SessionProvider";
import { zoneName } from "~/look/When";

export function Footer() {
  const { t } = useTranslation();
  const session = useSession();
  const { leave } = useSessionState();
  return (
    <Group justify="space-between" h="100%" px="sm" gap="md" wrap="nowrap">
      <Text size="xs" c="dimmed" truncate>
        {session.contacts || t("frame.no_contacts")}
      </Text>
      <Group gap="md" wrap="nowrap">
        <Text size="xs" c="dimmed" visibleFrom="sm">
          {t("frame.zone", { zone: zoneName() })}
        </Text>
        {session.version && (
          <Text size="xs" c="dimmed" visibleFrom="md">
            {session.version}
          </Text>
        )}
        <Anchor size="xs" href="/api/openapi.json" target="_blank" rel="noreferrer">
          API
        </Anchor>
        <Anchor size="xs" href="#/help">
          {t("menu.help")}
        </Anchor>
        <UnstyledButton fz="xs" c="var(--mantine-color-anchor)" onClick={() => void leave()}>
          {t("frame.log_out")}
        </UnstyledButton>
      </Group>
    </Group>
  );
}
