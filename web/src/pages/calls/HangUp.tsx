// Hanging up, one or many, with a reason for the log.

import { Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { refresh } from "~/api/cache";
import { type Schemas, call } from "~/api/client";
import { Confirm } from "~/ui/confirm";
import { say } from "~/ui/notice";

const mostAtOnce = 1000; // the API's
const typedFrom = 10; // from how many on the count has to be typed

export function HangUp({ ids, onClose, onDone }: { ids: string[]; onClose: () => void; onDone?: () => void }) {
  const { t } = useTranslation();
  const [reason, setReason] = useState("");
  const count = ids.length;
  const run = async () => {
    let ended = 0;
    for (let i = 0; i < count; i += mostAtOnce)
      ended += (await call<Schemas["HangupResult"]>("POST", "/calls/hangup", { body: { ids: ids.slice(i, i + mostAtOnce), ...(reason ? { reason } : {}) } })).body.count;
    await refresh("calls");
    void say(t("calls.hung_up", { count: ended }));
    onDone?.();
  };
  return (
    <Confirm title={t("calls.hang_up_title", { count })} button={t("calls.hang_up", { count })} type={count >= typedFrom ? String(count) : undefined} onConfirm={run} onClose={onClose}>
      <Stack gap="sm">
        <Text size="sm">{t("calls.hang_up_text")}</Text>
        <TextInput label={t("calls.hang_up_reason")} description={t("calls.hang_up_reason_help")} maxLength={200} value={reason} onChange={(e) => setReason(e.currentTarget.value)} data-autofocus />
      </Stack>
    </Confirm>
  );
}
