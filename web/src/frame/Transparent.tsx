// Transparent mode (mission row T3): one switch in the header, for the customer of the filter or for all
// that the person manages. It asks for how long, and wants the count typed where it is for all.

import { Alert, Button, Group, Modal, NumberInput, Radio, SegmentedControl, Stack, Text, Tooltip } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconEyeOff } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { refresh } from "~/api/cache";
import { type Schemas, call } from "~/api/client";
import { useItem, useItems } from "~/api/nouns";
import { asProblem } from "~/api/problem";
import { useMay, useSession } from "~/session/SessionProvider";
import { useCustomer } from "./CustomerFilter";

/** Whether the customer of the filter, or all that the person manages, are transparent now. */
export function useTransparency() {
  const session = useSession();
  const customer = useCustomer();
  const one = useItem<Schemas["Customer"]>("customers", customer);
  const own = useItems<Schemas["User"]>("users", { q: session.email, limit: 10 });
  const me = own.data?.find((u) => u.email === session.email);
  return {
    all: session.transparent ?? me?.transparent ?? false,
    allUntil: session.transparent_until ?? me?.transparent_until,
    customer: customer !== undefined && one.data?.body.transparent === true,
    customerUntil: one.data?.body.transparent_until,
    customerId: customer,
    customerName: one.data?.body.name ?? "",
  };
}

export interface Wish {
  on: boolean;
  all?: boolean;
  customer_id?: number;
  for?: string;
}

export function useSetTransparent() {
  return useMutation({
    mutationFn: (wish: Wish) => call("POST", "/transparent", { body: wish }),
    onSuccess: () => refresh("customers", "users"),
  });
}

export function TransparentSwitch() {
  const { t } = useTranslation();
  const { write, staff } = useMay();
  const [opened, dialog] = useDisclosure(false);
  const now = useTransparency();
  const on = now.all || now.customer;
  if (!write || !staff) return null;
  return (
    <>
      <Tooltip label={t("transparent.what")} multiline w={280}>
        <Button size="compact-sm" variant={on ? "filled" : "default"} color={on ? "orange" : undefined} fw={on ? 600 : 400} onClick={dialog.open}
          leftSection={<IconEyeOff size={14} />} aria-pressed={on} visibleFrom="xs">
          {t(on ? "transparent.is_on" : "transparent.name")}
        </Button>
      </Tooltip>
      {opened && <Dialog close={dialog.close} />}
    </>
  );
}

const spans = ["30m", "2h", "8h", ""] as const;

function Dialog({ close }: { close: () => void }) {
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
    <Modal opened onClose={close} title={t("transparent.name")} closeButtonProps={{ "aria-label": t("ui.close") }}>
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
    queryFn: async () => {
      let count = 0;
      for (let cursor: string | undefined = ""; cursor !== undefined; ) {
        const page: Schemas["PageCustomer"] = (await call<Schemas["PageCustomer"]>("GET", "/customers", { query: { limit: 1000, cursor } })).body;
        count += page.items.length;
        cursor = page.next || undefined;
      }
      return count;
    },
  });
}
