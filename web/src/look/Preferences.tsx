import { ActionIcon, Menu, Tooltip, useMantineColorScheme } from "@mantine/core";
import { IconCheck, IconDeviceDesktop, IconLanguage, IconMoon, IconSun } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { type Language, isLanguage, languages, setLanguage } from "~/i18n";

/** Light, dark, or as the system. onChoose: remember it with the account. */
export function ThemeMenu({ onChoose }: { onChoose?: (theme: "light" | "dark" | "auto") => void }) {
  const { t } = useTranslation();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const icons = { light: IconSun, dark: IconMoon, auto: IconDeviceDesktop };
  const Icon = icons[colorScheme];
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Tooltip label={t("frame.theme")}>
          <ActionIcon variant="subtle" color="gray" c="dimmed" aria-label={t("frame.theme")}>
            <Icon size={18} stroke={1.6} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        {(["light", "dark", "auto"] as const).map((theme) => {
          const Each = icons[theme];
          return (
            <Menu.Item key={theme} leftSection={<Each size={16} />} rightSection={theme === colorScheme && <IconCheck size={14} />}
              onClick={() => (setColorScheme(theme), onChoose?.(theme))}>
              {t(`frame.theme_${theme}`)}
            </Menu.Item>
          );
        })}
      </Menu.Dropdown>
    </Menu>
  );
}

export function LanguageMenu({ onChoose }: { onChoose?: (language: Language) => void }) {
  const { t, i18n } = useTranslation();
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Tooltip label={t("frame.language")}>
          <ActionIcon variant="subtle" color="gray" c="dimmed" aria-label={t("frame.language")}>
            <IconLanguage size={18} stroke={1.6} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        {Object.keys(languages).filter(isLanguage).map((code) => (
          <Menu.Item key={code} lang={code} rightSection={code === i18n.language && <IconCheck size={14} />}
            onClick={() => (void setLanguage(code), onChoose?.(code))}>
            {languages[code]}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
