// Filters that the lists of call records and of decisions share; they are in the address.

import { NumberInput, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useUrl } from "~/url";

/** Only with this reason; a click on a refusal of the overview leads here, too. */
export function ReasonFilter() {
  const { t } = useTranslation();
  const [{ reason = "" }, set] = useUrl();
  const [text, setText] = useState(reason);
  useEffect(() => setText(reason), [reason]);
  const later = useDebouncedCallback((value: string) => set({ reason: value.trim() || undefined }, { replace: true }), 300);
  return <TextInput w={170} value={text} placeholder={t("calls.reason")} aria-label={t("calls.reason")} onChange={(e) => (setText(e.currentTarget.value), later(e.currentTarget.value))} />;
}

export function StatusFilter({ silence = false }: { silence?: boolean }) {
  const { t } = useTranslation();
  const [{ status = "" }, set] = useUrl();
  const fits = (n: number) => (n >= 100 && n <= 699) || (silence && n === -1);
  return (
    <NumberInput w={110} hideControls allowDecimal={false} placeholder={t("calls.status")} aria-label={t("calls.status")} value={status} min={silence ? -1 : 100} max={699}
      onChange={(v) => (v === "" || fits(Number(v))) && set({ status: v === "" ? undefined : String(v) }, { replace: true })} />
  );
}
