// Asks whose transparent mode, for how long, and wants the count typed where it is for all.

import { Alert, Button, Group, Modal, NumberInput, Radio, SegmentedControl, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { type Schemas, call } from "~/api/client";
import { asProblem } from "~/api/problem";
import { useSetTransparent, useTransparency } from "./Transparent";

const spans = ["30m", "2h", "8h", ""] as const;

export default function TransparentDialog({ close }: { close: () => void }) {
  const { t } = useTranslation();
  const now = useTransparency();
  const [all, setAll] = useState(now.customerId === undefined);
  const [span, setSpan] = useState<string>("30m");
  const [typed, setTyped] = useState<number | string>("");
  const count = useCustomerCount(all);
  const set = useSetTransparent();
  const on = all ? now.all : now.customer;
  const ready = on || !all || (count.data !== undefined && typed === count.data);
  const submit = () =>
    set.mutate({ on: !on, ...(all ? { all: true } : { customer_id: now.customerId }), ...(!on && span ? { for: span } : {}) }, { onSuccess: close });
  return (
    <Modal opened onClose={close} size="lg" title={t("transparent.name")} closeButtonProps={{ "aria-label": t("ui.close") }}>
      <Stack gap="md">
        <Text size="sm">{t("transparent.what")}</Text>
        <Radio.Group value={all ? "all" : "one"} onChange={(value) => setAll(value === "all")} label={t("transparent.whose")}>
          <Stack gap={6} mt={6}>
            <Radio value="one" disabled={now.customerId === undefined}
              label={now.customerId === undefined ? t("transparent.choose_customer") : now.customerName} />
            <Radio value="all" label={t("transparent.all", { count: count.data ?? 0 })} />
          </Stack>
        </Radio.Group>
        {!on && (
          <div>
            <Text size="sm" fw={500} mb={6} id="transparent-for">
              {t("transparent.how_long")}
            </Text>
            <SegmentedControl fullWidth value={span} onChange={setSpan} aria-labelledby="transparent-for"
              data={spans.map((value) => ({ value, label: t(`transparent.for_${value || "ever"}`) }))} />
          </div>
        )}
        {!on && all && count.data !== undefined && (
          <NumberInput label={t("transparent.type_count", { count: count.data })} value={typed} onChange={setTyped} hideControls data-autofocus />
        )}
        {set.isError && <Alert color="red">{asProblem(set.error).message}</Alert>}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            {t("ui.cancel")}
          </Button>
          <Button color={on ? undefined : "orange"} disabled={!ready} loading={set.isPending} onClick={submit}>
            {t(on ? "transparent.off" : "transparent.on")}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}

/** How many customers the person manages. */
function useCustomerCount(enabled: boolean) {
  return useQuery({
    queryKey: ["noun", "customers", "count"],
    enabled,
    queryFn: async () => (await call<Schemas["Reach"]>("GET", "/transparent")).body.customers,
  });
}
