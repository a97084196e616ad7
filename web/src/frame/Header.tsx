import { ActionIcon, Box, Button, Group, Kbd, Menu, Text, Tooltip } from "@mantine/core";
import { IconKey, IconLogout, IconSearch, IconSettings, IconUserCircle } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useStreamState } from "~/api/events";
import { useSession, useSessionState } from "~/session/SessionProvider";
import { saveOwn } from "~/session/own";
import { useGo } from "~/url";
import { CustomerFilter } from "./CustomerFilter";
import { Logo } from "~/look/Logo";
import { LanguageMenu, ThemeMenu } from "~/look/Preferences";
import { TransparentSwitch } from "./Transparent";

export function Header({ burger }: { burger: ReactNode }) {
  const { t } = useTranslation();
  return (
    <div className="tg-bar">
      {burger}
      <Group gap={8} w={{ sm: 188 }} wrap="nowrap">
        <Logo />
        <Text fw={650} visibleFrom="sm">
          Tollgate
        </Text>
      </Group>
      <CustomerFilter />
      <Box flex={1} />
      <Button variant="default" size="compact-sm" leftSection={<IconSearch size={14} />} rightSection={<Kbd size="xs">{keyName()}</Kbd>}
        onClick={openPalette} visibleFrom="md" fw={400}>
        {t("frame.find")}
      </Button>
      <ActionIcon variant="subtle" color="gray" c="dimmed" hiddenFrom="md" onClick={openPalette} aria-label={t("frame.find")}>
        <IconSearch size={18} />
      </ActionIcon>
      <TransparentSwitch />
      <Live />
      <Group gap={2} wrap="nowrap" visibleFrom="xs">
        <LanguageMenu onChoose={(language) => saveOwn({ language })} />
        <ThemeMenu onChoose={(theme) => saveOwn({ theme: theme === "auto" ? "" : theme })} />
      </Group>
      <OwnMenu />
    </div>
  );
}

function openPalette() {
  void import("@mantine/spotlight").then(({ openSpotlight }) => openSpotlight());
}

function keyName(): string {
  return /Mac|iPhone|iPad/.test(navigator.userAgent) ? "⌘K" : "Ctrl K";
}

/** Whether what is on the page comes in by itself. */
function Live() {
  const { t } = useTranslation();
  const state = useStreamState();
  const color = state === "live" ? "var(--mantine-color-green-7)" : "var(--mantine-color-yellow-6)";
  const text = state === "live" ? t("frame.live") : t("frame.not_live");
  return (
    <Tooltip label={text}>
      <span className="tg-dot" role="img" aria-label={text} style={{ background: color }} />
    </Tooltip>
  );
}

function OwnMenu() {
  const { t } = useTranslation();
  const { leave } = useSessionState();
  const session = useSession();
  const go = useGo();
  return (
    <Menu position="bottom-end" width={230}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" c="dimmed" aria-label={t("frame.own")}>
          <IconUserCircle size={20} stroke={1.6} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Text size="sm" c="var(--mantine-color-text)" truncate>
            {session.name || session.email}
          </Text>
          <Text size="xs" truncate>
            {t(`frame.role_${session.role}`)}, {t(`frame.access_${session.access.replace("-", "_")}`)}
          </Text>
        </Menu.Label>
        <Menu.Item leftSection={<IconSettings size={16} />} onClick={() => go("/me")}>
          {t("menu.me")}
        </Menu.Item>
        <Menu.Item leftSection={<IconKey size={16} />} onClick={() => go("/me", { part: "password" })}>
          {t("frame.password")}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void leave()}>
          {t("frame.log_out")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
