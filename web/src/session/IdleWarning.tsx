// One minute before the session ends by itself: stay or leave. Any act counts as staying.

import { Button, Group, Modal, Text } from "@mantine/core";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { cache } from "~/api/cache";
import { useSessionState } from "./SessionProvider";

const warnBefore = 60; // seconds

export function IdleWarning({ ends }: { ends: string }) {
  const { t } = useTranslation();
  const { renew, leave } = useSessionState();
  const left = useSecondsUntil(ends);
  useEffect(() => {
    if (left <= 0) void cache.invalidateQueries({ queryKey: ["session"] });
  }, [left]);
  return (
    <Modal opened={left > 0 && left <= warnBefore} onClose={() => void renew()} title={t("session.ending")} closeButtonProps={{ "aria-label": t("ui.close") }}>
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

function useSecondsUntil(at: string): number {
  const end = Date.parse(at);
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return Number.isNaN(end) ? Infinity : (end - now) / 1000;
}
