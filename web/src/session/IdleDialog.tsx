import { Button, Group, Modal, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useSessionState } from "./SessionProvider";

export default function IdleDialog({ left }: { left: number }) {
  const { t } = useTranslation();
  const { renew, leave } = useSessionState();
  return (
    <Modal opened onClose={() => void renew()} title={t("session.ending")} closeButtonProps={{ "aria-label": t("ui.close") }}>
      <Text size="sm" aria-live="polite">
        {t("session.ending_text", { count: Math.ceil(left / 10) * 10 })}
      </Text>
      <Group justify="flex-end" mt="lg">
        <Button variant="default" onClick={() => void leave()}>
          {t("frame.log_out")}
        </Button>
        <Button onClick={() => void renew()} data-autofocus>
          {t("session.stay")}
        </Button>
      </Group>
    </Modal>
  );
}
