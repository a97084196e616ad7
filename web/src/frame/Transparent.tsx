// Transparent mode (mission row T3): one switch in the header, for the customer of the filter or for all
// that the person manages.

import { Button, Tooltip } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconEyeOff } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { Suspense, lazy } from "react";
import { useTranslation } from "react-i18next";
import { refresh } from "~/api/cache";
import { type Schemas, call } from "~/api/client";
import { useItem, useItems } from "~/api/nouns";
import { useMay, useSession } from "~/session/SessionProvider";
import { useCustomer } from "./CustomerFilter";

const Dialog = lazy(() => import("./TransparentDialog"));

/** Whether the customer of the filter, or all that the person manages, are transparent now. */
export function useTransparency() {
  const session = useSession();
  const customer = useCustomer();
  const one = useItem<Schemas["Customer"]>("customers", customer);
  const own = useItems<Schemas["User"]>("users", { q: session.email, limit: 10 });
  const me = own.data?.find((u) => u.email === session.email);
  return {
    all: me?.transparent ?? false,
    allUntil: me?.transparent_until,
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
      <Suspense>{opened && <Dialog close={dialog.close} />}</Suspense>
    </>
  );
}
