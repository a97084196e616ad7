import { ActionIcon, Alert, Button, CopyButton, Group, Modal, Stack, Text, TextInput, Tooltip } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

/** A button that copies. */
export function Copy({ text, label }: { text: string; label?: string }) {
  const { t } = useTranslation();
  return (
    <CopyButton value={text} timeout={1500}>
      {({ copied, copy }) => (
        <Tooltip label={t(copied ? "ui.copied" : "ui.copy")}>
          <ActionIcon variant="subtle" color="gray" c="dimmed" size="sm" onClick={copy} aria-label={label ?? t("ui.copy")}>
            {copied ? <IconCheck size={15} /> : <IconCopy size={15} />}
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  );
}

/** A secret that is shown this one time: a generated password, an API key, a one-time link. */
export function CopyOnce({ title, secrets, onClose }: { title: string; secrets: { label: string; value: string }[]; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Modal opened onClose={onClose} title={title} closeOnClickOutside={false} closeButtonProps={{ "aria-label": t("ui.close") }} size="lg">
      <Stack gap="md">
        <Alert color="yellow">{t("ui.shown_once")}</Alert>
        {secrets.map(({ label, value }) => (
          <TextInput key={label} label={label} value={value} readOnly onFocus={(e) => e.currentTarget.select()}
            styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }} rightSection={<Copy text={value} label={`${t("ui.copy")}: ${label}`} />} />
        ))}
        <Group justify="space-between">
          <CopyButton value={secrets.length === 1 ? (secrets[0]?.value ?? "") : secrets.map((s) => `${s.label}: ${s.value}`).join("\n")}>
            {({ copied, copy }) => (
              <Button variant="default" onClick={copy} leftSection={copied ? <IconCheck size={15} /> : <IconCopy size={15} />}>
                {t(copied ? "ui.copied" : "ui.copy")}
              </Button>
            )}
          </CopyButton>
          <Button onClick={onClose}>{t("ui.have_it")}</Button>
        </Group>
        <Text size="xs" c="dimmed">
          {t("ui.not_stored")}
        </Text>
      </Stack>
    </Modal>
  );
}
