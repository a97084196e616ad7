// What everybody in front of the panel has to know at once: transparent mode, and parts that do not do well.

import { Alert, Button, Group, Text } from "@mantine/core";
import { IconAlertTriangle, IconEyeOff } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { call } from "~/api/client";
import { useMay } from "~/session/SessionProvider";
import { When } from "~/look/When";
import { useSetTransparent, useTransparency } from "./Transparent";

interface Degraded {
  part: string;
  state: string;
  level: "info" | "warning" | "error";
  sentence: string;
}

export function Banners() {
  return (
    <>
      <TransparentBanner />
      <DegradedBanners />
    </>
  );
}

function TransparentBanner() {
  const { t } = useTranslation();
  const now = useTransparency();
  const set = useSetTransparent();
  const { write, staff } = useMay();
  if (!now.all && !now.customer) return null;
  const until = now.all ? now.allUntil : now.customerUntil;
  const off = () => set.mutate(now.all ? { on: false, all: true } : { on: false, customer_id: now.customerId });
  return (
    <Alert color="orange" variant="light" radius={0} py={6} icon={<IconEyeOff size={18} />} role="status">
      <Group justify="space-between" gap="xs">
        <Text size="sm">
          {now.all ? t("transparent.banner_all") : t("transparent.banner_customer", { name: now.customerName })}{" "}
          {until ? (
            <>
              {t("transparent.until")} <When at={until} />.
            </>
          ) : (
            t("transparent.no_end")
          )}
        </Text>
        {write && staff && (
          <Button size="compact-xs" color="orange" loading={set.isPending} onClick={off}>
            {t("transparent.off")}
          </Button>
        )}
      </Group>
    </Alert>
  );
}

function DegradedBanners() {
  const { staff } = useMay();
  const health = useQuery({
    queryKey: ["degraded"],
    queryFn: async () => (await call<{ degraded?: Degraded[] }>("GET", "/overview")).body.degraded ?? [],
    refetchInterval: 15_000,
    enabled: staff,
    retry: false,
  });
  return health.data?.map((d) => (
    <Alert key={d.part + d.state} color={d.level === "error" ? "red" : d.level === "warning" ? "yellow" : "gray"} variant="light" radius={0} py={6} icon={<IconAlertTriangle size={18} />} role="status">
      <Text size="sm">{d.sentence}</Text>
    </Alert>
  ));
}
